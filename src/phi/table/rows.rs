//! From columns to people: which column plays which part, and whether the table is about patients at all.

use smol_str::{SmolStr, StrExt};

use super::codes::System;
use super::columns::Column;
use super::headers::{self, Concept, Meaning};
use super::limited::{self, Titled};
use super::vendors;
use crate::phi::collect::{Collector, Draft};
use crate::phi::{dates, identifiers, names};

/// One column's part in every row.
#[derive(Clone, Debug)]
pub(super) struct Role {
    pub concept: Concept,
    /// The header, normalised: the name space of the numbers below it.
    space: SmolStr,
    uuid: bool,
    /// Numbers from 900 on in a column of SSNs are ITINs.
    itins: bool,
}

/// The parts of all columns.
#[derive(Debug)]
pub(super) struct Roles {
    columns: Vec<Option<Role>>,
    /// Health or payment of care is what the table is about.
    clinical: bool,
    pub notes: Vec<&'static str>,
    vendor: Option<&'static str>,
    direct: bool,
    dated: bool,
    /// Nobody is named: rows count, and no person.
    limited: bool,
    systems: Vec<System>,
}

impl Roles {
    /// Decides from headers (where there are some) and a sample; `None` where no patient is in the table.
    pub fn decide(header: Option<&[String]>, columns: &[Column]) -> Option<Self> {
        let spaces: Vec<String> = (0..columns.len())
            .map(|i| header.and_then(|h| h.get(i)).map(|h| headers::normalise(h)).unwrap_or_default())
            .collect();
        let vendor = vendors::of(&spaces);
        let own = |space: &String| vendor.and_then(|v| v.columns.get(space)).map(|c| Meaning { concept: *c, patient: true });
        let meanings: Vec<Option<Meaning>> = spaces.iter().map(|s| own(s).or_else(|| headers::meaning(s))).collect();
        let mut notes = Vec::new();
        let mut concepts: Vec<Option<Concept>> =
            meanings.iter().zip(columns).map(|(m, c)| checked(*m, c, header.is_some(), &mut notes)).collect();
        if header.is_none() {
            unnamed(&mut concepts, columns);
        } else if concepts.iter().flatten().any(|c| matches!(c, Concept::Ssn | Concept::Mbi))
            && !concepts.contains(&Some(Concept::Dob))
        {
            let free = |i: &usize| meanings.get(*i).is_some_and(Option::is_none) && columns.get(*i).is_some_and(Column::is_birth);
            if let Some(i) = (0..columns.len()).find(free)
                && let Some(slot) = concepts.get_mut(i)
            {
                *slot = Some(Concept::Dob);
            }
        }
        let systems: Vec<Option<System>> = spaces.iter().map(|s| headers::system(s)).collect();
        for ((slot, column), system) in concepts.iter_mut().zip(columns).zip(&systems) {
            if *slot == Some(Concept::Clinical) && system.is_some_and(|s| column.is_other_than(s)) {
                *slot = Some(Concept::ClinicalWeak);
            }
        }
        let coded = columns.iter().any(Column::is_clinical);
        let named_patient = meanings.iter().zip(&concepts).any(|(m, c)| {
            m.is_some_and(|m| m.patient)
                && c.is_some_and(|c| {
                    use Concept::{Dob, Family, Given, PatientKey, PatientName, Ssn};
                    matches!(c, Family | Given | PatientName | Dob | Ssn | PatientKey)
                })
        });
        let health = about_patients(&concepts, coded, named_patient);
        let limited = health.is_none() && header.is_some() && {
            let all = spaces.iter().zip(&concepts).zip(&systems).zip(columns);
            let titled =
                all.map(|(((space, concept), system), column)| Titled { space, concept: *concept, system: *system, column });
            limited::is_limited(&titled.collect::<Vec<_>>())
        };
        let health = health.or(limited.then_some(true))?;
        let weak_only = !concepts.contains(&Some(Concept::PatientKey));
        let columns_out: Vec<Option<Role>> = concepts
            .iter()
            .zip(columns)
            .zip(&spaces)
            .map(|((concept, column), space)| {
                let uuid = column.is_uuid();
                // A bare row number is nobody's; beside a patient's own number neither is a UUID.
                let bare = matches!(space.as_str(), "id" | "uuid" | "guid" | "userid");
                let useless = *concept == Some(Concept::WeakKey) && (!weak_only || (bare && !uuid));
                let itins = column.is_mostly_issued();
                concept.filter(|_| !useless).map(|concept| Role { concept, space: space.into(), uuid, itins })
            })
            .collect();
        use Concept::{Card, Dob, Email, Family, FullName, Given, Itin, Licence, Mbi, Member, PatientName, Phone, Ssn, Street};
        let has = |list: &[Concept]| concepts.iter().flatten().any(|c| list.contains(c));
        Some(Self {
            direct: has(&[Family, Given, FullName, PatientName, Ssn, Mbi, Member, Phone, Email, Street, Licence, Card, Itin]),
            dated: has(&[Dob, Concept::ServiceDate, Concept::Zip, Concept::City]) || columns.iter().any(Column::has_dates),
            systems: systems.iter().zip(columns).filter_map(|(s, c)| s.filter(|s| c.is_coded(*s))).collect(),
            limited,
            columns: columns_out,
            clinical: health,
            notes,
            vendor: vendor.map(|v| v.name.as_str()),
        })
    }

    /// Takes one row's cells to its person.
    pub fn row<'r>(&self, cell: impl Fn(usize) -> Option<&'r [u8]>, out: &mut Collector<'_>) {
        if self.limited {
            return self.nobody(cell, out);
        }
        out.record(|draft, out| {
            for (i, role) in self.columns.iter().enumerate() {
                let (Some(role), Some(raw)) = (role, cell(i)) else { continue };
                let text = names::decode(raw);
                let t = text.trim();
                if !t.is_empty() && !t.eq_ignore_ascii_case("null") {
                    role.read(t, draft, out);
                }
            }
        });
    }

    /// A row that names nobody: dates and places, and that it is there.
    fn nobody<'r>(&self, cell: impl Fn(usize) -> Option<&'r [u8]>, out: &mut Collector<'_>) {
        let mut says = false;
        for (i, role) in self.columns.iter().enumerate() {
            let (Some(role), Some(raw)) = (role, cell(i)) else { continue };
            let text = names::decode(raw);
            let t = text.trim();
            says |= limited::counts(role.concept, t);
            match role.concept {
                Concept::Dob | Concept::ServiceDate | Concept::Clinical if dates::date(t).is_some() => out.value("date", t),
                Concept::City => out.address("", t, ""),
                Concept::Zip => out.address("", "", t),
                _ => {}
            }
        }
        out.keyless = out.keyless.saturating_add(u64::from(says));
    }

    /// What the whole table is, once its rows are in.
    pub fn describe(&self, out: &mut Collector<'_>) -> bool {
        out.clinical |= self.clinical;
        if let Some(vendor) = self.vendor {
            out.note(format!("columns as in exports of {vendor}"));
        }
        for note in &self.notes {
            out.note(*note);
        }
        for system in &self.systems {
            out.note(format!("a column of codes: {}", system.name()));
        }
        match (self.direct, self.dated) {
            _ if self.limited => {
                out.note("rows with codes, dates or places and without anybody's key: like a limited data set (45 CFR 164.514(e)), still PHI");
                return false;
            }
            (true, _) => {}
            (false, true) => out.note("no direct identifiers: like a limited data set (45 CFR 164.514(e)), still PHI"),
            (false, false) => out.note("no direct identifiers and no dates: like de-identified data"),
        }
        !self.direct && !self.dated
    }
}

impl Role {
    fn read(&self, t: &str, draft: &mut Draft, out: &mut Collector<'_>) {
        match self.concept {
            Concept::PatientKey | Concept::WeakKey => self.key(t, draft, out),
            Concept::Family if draft.family.is_empty() => draft.family = t.into(),
            Concept::Given if draft.given.is_empty() => draft.given = t.into(),
            Concept::FullName | Concept::PatientName if draft.family.is_empty() => {
                let (family, given) = names::split_full(t);
                (draft.family, draft.given) = (family.into(), given.into());
            }
            Concept::Dob => draft.birth = draft.birth.or_else(|| dates::date(t)).or_else(|| dates::serial(t)),
            Concept::Ssn => match out.ssn(t) {
                Some(ssn) => draft.ssn.push(ssn),
                None if self.itins && identifiers::itin(t) => itin(t, draft),
                None => {}
            },
            Concept::Itin if identifiers::itin(t) => {
                out.value("itin", &itin_digits(t));
                itin(t, draft);
            }
            Concept::Itin => draft.ssn.extend(out.ssn(t)),
            Concept::Card if identifiers::card(t) => out.value("card", t),
            Concept::Dea if identifiers::dea(t) => out.value("dea", t),
            Concept::Clia if identifiers::clia(t) => out.value("clia", t),
            Concept::Taxonomy if identifiers::taxonomy(t) => out.value("taxonomy", t),
            Concept::Ein if identifiers::ein(t) => out.value("ein", t),
            Concept::RelatedSsn => {
                out.ssn(t);
            }
            Concept::Mbi => match identifiers::mbi(t) {
                Some(mbi) => {
                    out.value("mbi", t);
                    draft.mbi.push(mbi);
                }
                None => {
                    out.value(if identifiers::hicn(t) { "hicn" } else { "member_id" }, t);
                    draft.members.push(t.into());
                }
            },
            Concept::Member => {
                out.value("member_id", t);
                draft.members.push(t.into());
            }
            Concept::ServiceDate if dates::date(t).is_some() => out.value("date", t),
            Concept::Npi if identifiers::npi(t) => out.value("npi", t),
            Concept::Phone => out.phone(t),
            Concept::Email if identifiers::email(t) => out.value("email", &t.to_ascii_lowercase()),
            Concept::Street => out.address(t, "", ""),
            Concept::City => out.address("", t, ""),
            Concept::Zip => out.address("", "", t),
            Concept::State => draft.state = draft.state.or_else(|| identifiers::state(t)),
            Concept::Licence => out.value("licence", t),
            Concept::Device => out.value("device", t),
            _ => {}
        }
    }

    fn key(&self, t: &str, draft: &mut Draft, out: &mut Collector<'_>) {
        // References of FHIR exports name the type before the key.
        let id = t.rsplit('/').next().unwrap_or(t);
        if self.uuid {
            out.value("record_id", id);
            draft.locals.push(("uuid".into(), id.to_ascii_lowercase_smolstr()));
        } else if self.concept == Concept::PatientKey {
            out.value("mrn", id);
            draft.mrns.push((self.space.clone(), id.into()));
        } else {
            out.value("record_id", id);
            draft.locals.push((self.space.clone(), id.into()));
        }
    }
}

/// The digits alone, however they are parted.
fn itin_digits(t: &str) -> SmolStr {
    t.chars().filter(char::is_ascii_digit).collect()
}

/// A tax number tells its person as an SSN does.
fn itin(t: &str, draft: &mut Draft) {
    draft.locals.push(("itin".into(), itin_digits(t)));
}

/// A header's claim held against the values, and what the values say by themselves.
fn checked(meaning: Option<Meaning>, c: &Column, named: bool, notes: &mut Vec<&'static str>) -> Option<Concept> {
    let claim = meaning.map(|m| m.concept);
    let fits = match claim {
        Some(Concept::Ssn | Concept::RelatedSsn) => {
            if c.is_masked() {
                notes.push("a column of masked SSNs");
            }
            c.may_be_ssn()
        }
        Some(Concept::Dob) => c.may_be_birth(),
        Some(Concept::PatientKey) if !c.may_be_key() && c.is_words() => return Some(Concept::PatientName),
        Some(Concept::PatientKey | Concept::WeakKey | Concept::Member | Concept::Mbi) => c.may_be_key(),
        Some(Concept::Phone) => c.filled == 0 || c.phones > 0,
        Some(Concept::Itin) => c.may_be_itin(),
        Some(Concept::Card) => c.may_be_card(),
        Some(Concept::Dea) => c.may_be_dea(),
        Some(Concept::Clia) => c.may_be_clia(),
        Some(Concept::Taxonomy) => c.may_be_taxonomy(),
        // A practice of one may be known by its owner's SSN, who is no patient.
        Some(Concept::Ein) if c.is_dashed_ssn() => return Some(Concept::RelatedSsn),
        Some(Concept::Ein) => c.may_be_ein(),
        _ => true,
    };
    if fits && matches!(claim, Some(Concept::Ssn | Concept::RelatedSsn | Concept::Itin | Concept::Foreign)) {
        return claim;
    }
    // Values of these forms are what they are under any other header.
    if c.is_dashed_ssn() {
        if named {
            notes.push("a column of SSNs under another header");
        }
        return Some(Concept::Ssn);
    }
    if c.is_mbi() {
        return Some(Concept::Mbi);
    }
    match claim {
        Some(_) if fits => claim,
        // A header that is no known word, or one that its values belie.
        _ if !named && c.is_bare_ssn() => Some(Concept::Ssn),
        _ => None,
    }
}

/// Parts for a table without a header, from values alone.
fn unnamed(concepts: &mut [Option<Concept>], columns: &[Column]) {
    let mut names = [Concept::Family, Concept::Given].into_iter();
    let mut born = false;
    for (slot, column) in concepts.iter_mut().zip(columns) {
        if slot.is_some() {
            continue;
        }
        if !born && column.is_birth() {
            born = true;
            *slot = Some(Concept::Dob);
        } else if column.is_clinical() {
            *slot = Some(Concept::Clinical);
        } else if column.is_npi() {
            *slot = Some(Concept::Npi);
        } else if column.is_dea() {
            *slot = Some(Concept::Dea);
        } else if column.is_clia() {
            *slot = Some(Concept::Clia);
        } else if column.is_taxonomy() {
            *slot = Some(Concept::Taxonomy);
        } else if column.is_card() {
            *slot = Some(Concept::Card);
        } else if column.is_name() {
            *slot = names.next();
        }
    }
}

/// Whether the table is about patients; and then, whether it shows health or payment of care.
fn about_patients(concepts: &[Option<Concept>], coded: bool, named_patient: bool) -> Option<bool> {
    use Concept::{
        Clinical, ClinicalWeak, Dob, Family, FullName, Given, Insurance, Itin, Mbi, Member, PatientKey, PatientName, Phone,
        ServiceDate, Ssn, Street, WeakKey, Zip,
    };
    let count = |c: Concept| concepts.iter().filter(|x| **x == Some(c)).count();
    let has = |c: Concept| count(c) > 0;
    let clinical = coded || has(Clinical) || count(ClinicalWeak) >= 2;
    let care = clinical || has(Insurance) || has(Mbi);
    let name = (has(Family) && has(Given)) || has(FullName) || has(PatientName) || (has(Family) && has(Ssn));
    let contact = has(Phone) || has(Street) || has(Zip);
    let known = has(Dob) || has(Ssn) || has(Itin);
    let keyed = has(PatientKey) || has(Mbi);
    let person = (keyed && (care || name || known || contact || has(ServiceDate) || has(Member)))
        || (has(Ssn) && (has(Dob) || (name && (care || has(Member)))))
        || (has(Itin) && care && (has(Dob) || name))
        || (has(Member) && (care || (has(Dob) && name)))
        || (name && has(Dob) && (care || named_patient))
        || (has(PatientName) && (known || care || has(ServiceDate) || contact))
        || (has(WeakKey) && ((has(Dob) && clinical) || count(Clinical) >= 2));
    person.then_some(care || named_patient || has(Member))
}
