//! Two thousand documents of a business that has no patients: nothing in them is one.

use std::fmt::Write as _;

use crate::office;
use crate::support::Scene;

/// A stream of numbers that is the same everywhere (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }

    fn date(&mut self) -> String {
        format!("20{:02}-{:02}-{:02}", 10 + self.below(16), 1 + self.below(12), 1 + self.below(28))
    }

    fn born(&mut self) -> String {
        format!("{:02}/{:02}/19{:02}", 1 + self.below(12), 1 + self.below(28), 50 + self.below(49))
    }

    fn digits(&mut self, n: u32) -> String {
        (0..n).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }

    fn name(&mut self) -> &'static str {
        self.of(&["Smith", "Garcia", "Chen", "Okafor", "Novak", "Lopez", "Kim", "Brown", "Rossi", "Ali", "Young", "Park"])
    }

    fn first(&mut self) -> &'static str {
        self.of(&["Anna", "James", "Wei", "Maria", "Peter", "Omar", "Lucy", "Ivan", "Rosa", "Paul"])
    }

    fn company(&mut self) -> String {
        let (name, kind) =
            (self.name(), self.of(&["Freight", "Foods", "Medical Supply", "Tool", "Paper", "Health Care Staffing"]));
        format!("{name} {kind} {}", self.of(&["LLC", "Inc", "Corp"]))
    }
}

fn table(n: &mut Numbers, header: &str, row: impl Fn(&mut Numbers) -> String) -> String {
    let rows = 20 + n.below(150);
    (0..rows).fold(header.to_owned() + "\n", |s, _| s + &row(n) + "\n")
}

fn orders(n: &mut Numbers) -> String {
    table(n, "order_id,customer_no,sku,qty,unit_price,ship_date,zip", |n| {
        format!(
            "{},{},{}-{},{},{}.{},{},{}",
            n.digits(9),
            n.digits(9),
            n.digits(3),
            n.digits(2),
            n.below(90),
            n.below(900),
            n.digits(2),
            n.date(),
            n.digits(5)
        )
    })
}

fn companies(n: &mut Numbers) -> String {
    table(n, "company,ein,duns,naics,phone,street,city,state,zip4,routing", |n| {
        format!(
            "{},{}-{},{},{},({}) {}-{},{} Main St,Dayton,OH,{}-{},021000021",
            n.company(),
            n.digits(2),
            n.digits(7),
            n.digits(9),
            n.digits(6),
            200 + n.below(700),
            200 + n.below(700),
            n.digits(4),
            n.below(999),
            n.digits(5),
            n.digits(4)
        )
    })
}

fn staff(n: &mut Numbers) -> String {
    table(n, "employee_id,last_name,first_name,birth_date,department,hire_date,extension", |n| {
        let (last, first, born) = (n.name(), n.first(), n.born());
        format!("{},{last},{first},{born},{},{},{}", n.digits(6), n.of(&["Sales", "IT", "Freight"]), n.date(), n.digits(4))
    })
}

fn providers(n: &mut Numbers) -> String {
    table(n, "npi,provider_last_name,provider_first_name,taxonomy,practice_phone,practice_zip", |n| {
        format!(
            "1{},{},{},207Q00000X,{}-{}-{},{}",
            n.digits(9),
            n.name(),
            n.first(),
            200 + n.below(700),
            200 + n.below(700),
            n.digits(4),
            n.digits(5)
        )
    })
}

fn events(n: &mut Numbers) -> String {
    table(n, "timestamp,session_id,user_id,event,duration_ms", |n| {
        format!("16{},{}{},{},click,{}", n.digits(8), n.digits(12), n.digits(8), n.digits(10), n.below(9000))
    })
}

fn stock(n: &mut Numbers) -> String {
    table(n, "part_no\tdescription\tbin\tB12\ton_hand\tcounted", |n| {
        format!(
            "MRN-{}\tF150 filter T20\t{}\tE{}.{}\t{}\t{}",
            n.digits(4),
            n.digits(3),
            n.digits(2),
            n.digits(1),
            n.below(99),
            n.date()
        )
    })
}

fn x12(n: &mut Numbers, function: &str, version: &str, set: &str, body: impl Fn(&mut Numbers) -> String) -> String {
    let isa = "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *240102*1200*U*00401*000000001*0*P*:~";
    let lines = 10 + n.below(40);
    let body = (0..lines).fold(String::new(), |s, _| s + &body(n));
    format!("{isa}GS*{function}*S*R*20240102*1200*1*X*{version}~ST*{set}*0001~{body}SE*9*0001~GE*1*1~IEA*1*000000001~")
}

fn purchase(n: &mut Numbers) -> String {
    x12(n, "PO", "004010", "850", |n| {
        format!(
            "N1*ST*{}*92*{}~N4*DAYTON*OH*{}~PO1*1*{}*EA*9.99**VP*{}~DTM*002*20240{}~",
            n.company(),
            n.digits(9),
            n.digits(5),
            n.below(99),
            n.digits(8),
            n.digits(3)
        )
    })
}

fn freight(n: &mut Numbers) -> String {
    x12(n, "SM", "004010", "204", |n| {
        format!(
            "L11*{}*BM~N1*SH*{} {}*93*{}~G62*10*20240109~S5*1*LD*{}*L~REF*SI*{}~",
            n.digits(9),
            n.first(),
            n.name(),
            n.digits(9),
            n.digits(4),
            n.digits(9)
        )
    })
}

fn invoice(n: &mut Numbers) -> String {
    x12(n, "IN", "004010", "810", |n| {
        format!(
            "BIG*20240102*{}~REF*DP*{}~IT1*1*3*EA*{}~NM1*BY*1*{}*{}~",
            n.digits(9),
            n.digits(4),
            n.digits(3),
            n.name(),
            n.first()
        )
    })
}

fn edifact(n: &mut Numbers) -> String {
    let lines = 10 + n.below(40);
    let body = (0..lines).fold(String::new(), |s, _| {
        s + &format!("NAD+BY+{}::9++{} {}'LIN+1++{}:EN'DTM+137:20240102:102'\n", n.digits(13), n.first(), n.name(), n.digits(13))
    });
    format!("UNA:+.? 'UNB+UNOC:3+S+R+240102:1200+1'UNH+1+ORDERS:D:96A:UN'{body}UNT+9+1'UNZ+1+1'")
}

fn access(n: &mut Numbers) -> String {
    (0..80).fold(String::new(), |s, _| {
        s + &format!(
            "10.{}.2.{} - {} [02/Jan/2024:03:04:05 +0000] \"GET /patient/{}?member_id={} HTTP/1.1\" 200 {}\n",
            n.below(255),
            n.below(255),
            n.first(),
            n.digits(3),
            n.digits(2),
            n.digits(5)
        )
    })
}

fn syslog(n: &mut Numbers) -> String {
    (0..80).fold(String::new(), |s, _| {
        s + &format!(
            "Jan  2 03:04:05 host{} sshd[{}]: session opened for user {} birth of process {} dob=no\n",
            n.below(9),
            n.digits(5),
            n.first(),
            n.digits(4)
        )
    })
}

fn code(n: &mut Numbers) -> String {
    let mut out = "package clinic;\n".to_owned();
    for _ in 0..30 {
        let _ = writeln!(
            out,
            "  /** MRN and date of birth of the patient. */\n  private String mrn{0}; private Date dateOfBirth{0}; int ssn = {1}; patient.setId({2}); // TODO {3}",
            n.below(99),
            n.below(9),
            n.digits(2),
            n.date()
        );
    }
    out
}

fn config(n: &mut Numbers) -> String {
    format!(
        "{{\"labels\": {{\"mrn\": \"Medical Record Number\", \"dob\": \"Date of Birth\", \"ssn\": \"Social Security Number\"}}, \"port\": {}, \"id\": \"{}\", \"patientName\": \"Patient Name\", \"firstName\": \"First Name\"}}",
        n.digits(4),
        n.digits(9)
    )
}

fn shop(n: &mut Numbers) -> String {
    let rows = (0..40).fold(String::new(), |s, _| {
        s + &format!(
            "INSERT INTO `customers` VALUES ({},'{}','{}','{}','{}-{}-{}');\n",
            n.digits(6),
            n.name(),
            n.first(),
            n.date(),
            200 + n.below(700),
            200 + n.below(700),
            n.digits(4)
        )
    });
    format!(
        "-- MySQL dump 10.13\nCREATE TABLE `customers` (`customer_id` int, `last_name` text, `first_name` text, `since` date, `phone` text);\n{rows}"
    )
}

fn page(n: &mut Numbers) -> String {
    let rows = (0..20).fold(String::new(), |s, _| {
        s + &format!("<tr><td>{}</td><td>{}</td><td>${}.{}</td></tr>", n.digits(8), n.company(), n.below(999), n.digits(2))
    });
    format!(
        "<!DOCTYPE html><html><body><h1>Price list</h1><form>Patient name: <input name=patient> Date of birth: <input name=dob></form><table><tr><th>Item</th><th>Maker</th><th>Price</th></tr>{rows}</table></body></html>"
    )
}

fn memo(n: &mut Numbers) -> Vec<String> {
    (0..30)
        .map(|_| match n.below(4) {
            0 => format!("Meeting with {} {} of {} on {}, room {}.", n.first(), n.name(), n.company(), n.date(), n.digits(3)),
            1 => format!(
                "Invoice No. {} of {} for account {} is due; phone {}-{}-{}.",
                n.digits(8),
                n.date(),
                n.digits(9),
                200 + n.below(700),
                200 + n.below(700),
                n.digits(4)
            ),
            2 => "Members of the team were patient; the social evening was born of an idea from sales.".to_owned(),
            _ => format!(
                "Reference {}-{}-{}, order {}, tracking {}.",
                n.digits(3),
                n.digits(3),
                n.digits(4),
                n.digits(9),
                n.digits(12)
            ),
        })
        .collect()
}

type Make = fn(&mut Numbers) -> Vec<u8>;
const KINDS: [(&str, Make); 25] = [
    ("orders.csv", |n| orders(n).into_bytes()),
    ("companies.csv", |n| companies(n).into_bytes()),
    ("staff.csv", |n| staff(n).into_bytes()),
    ("providers.csv", |n| providers(n).into_bytes()),
    ("events.csv", |n| events(n).into_bytes()),
    ("stock.tsv", |n| stock(n).into_bytes()),
    ("orders.xlsx", |n| office::xlsx(&orders(n))),
    ("companies.xlsx", |n| office::xlsx(&companies(n))),
    ("staff.xlsx", |n| office::xlsx(&staff(n))),
    ("providers.xlsx", |n| office::xlsx(&providers(n))),
    ("850.edi", |n| purchase(n).into_bytes()),
    ("204.edi", |n| freight(n).into_bytes()),
    ("810.edi", |n| invoice(n).into_bytes()),
    ("edifact.txt", |n| edifact(n).into_bytes()),
    ("access.log", |n| access(n).into_bytes()),
    ("sys.log", |n| syslog(n).into_bytes()),
    ("Code.java", |n| code(n).into_bytes()),
    ("labels.json", |n| config(n).into_bytes()),
    ("shop.sql", |n| shop(n).into_bytes()),
    ("page.html", |n| page(n).into_bytes()),
    ("memo.docx", |n| office::docx(&memo(n))),
    ("memo.pdf", |n| office::pdf(&memo(n))),
    ("memo.rtf", |n| office::rtf(&memo(n))),
    ("memo.eml", |n| office::eml("minutes", memo(n).join("\r\n").as_bytes())),
    ("memo.txt", |n| memo(n).join("\n").into_bytes()),
];
/// Documents of each kind.
const EACH: u64 = 80;

#[test]
fn two_thousand_documents_of_a_business_hold_no_patient() {
    let scene = Scene::new();
    for (k, (name, make)) in KINDS.iter().enumerate() {
        for i in 0..EACH {
            scene.file(&format!("{i}/{name}"), make(&mut Numbers(i * 1000 + k as u64)));
        }
    }
    let case = scene.scan(&["--no-default-rules"]);
    case.assert_adds_up();
    let rows = case.inventory();
    assert!(rows.iter().filter(|r| r["kind"] == "file").count() >= 2000);
    let found: Vec<String> = case
        .of("phi_at_rest")
        .iter()
        .map(|f| format!("{} {} {}", f["path"], f["phi"]["format"], f["phi"]["individuals"]["best"]))
        .collect();
    assert!(found.is_empty(), "{} of 2,000: {:#?}", found.len(), &found[..found.len().min(20)]);
}
