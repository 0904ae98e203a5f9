//! Delivery over a network, with a real server of SFTP and a small one of HTTP, both on loopback: cut off in the middle,
//! gone on with, and compared file by file.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::support::{Scene, has_tool, is_root, program};
use crate::sweep::{hex, many, next_second, policy, published, read, settle, words};

/// A process that ends with its test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn sweep(policy: &Path) -> Output {
    let mut command = program();
    command.args(["sweep", "--quiet", "--now", "--policy"]).arg(policy).env("NO_PROXY", "127.0.0.1");
    command.output().expect("the program")
}

/// One sentence that names what went wrong, and the exit code of a delivery that failed.
fn failed(output: &Output, told: &str) {
    let words = words(output);
    assert_eq!(output.status.code(), Some(3), "{words}");
    assert!(words.contains(told) && words.contains("the case stays here") && words.lines().count() == 1, "{words}");
}

/// Paths in a folder with their digests.
fn digests(folder: &Path) -> Vec<(PathBuf, String)> {
    let files = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().flatten().filter(|e| e.file_type().is_file());
    let digest = |path: &Path| hex(&Sha256::digest(std::fs::read(path).expect("a file")));
    files.map(|e| (e.path().strip_prefix(folder).expect("below it").to_owned(), digest(e.path()))).collect()
}

/// Every published case is at its place as it is here, and is sound there.
fn arrived(scene: &Scene, at: &Path) {
    for case in published(scene) {
        let there = at.join(case.file_name().expect("a name"));
        assert_eq!(digests(&case), digests(&there), "{}", there.display());
        read(&there);
    }
    assert_eq!(std::fs::read_dir(at).expect("a folder").count(), published(scene).len(), "nothing else is there");
}

fn script(path: &Path, text: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).expect("a script");
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("a script");
}

fn key(path: &Path) -> String {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    assert!(made.expect("ssh-keygen").success());
    let text = std::fs::read_to_string(path.with_extension("pub")).expect("a public key");
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port()
}

/// A server of SFTP below the scene, which begins in its folder `drop`, notes what it does in `log`, and ends after so many
/// bytes as stand in `cut`, as a connection does that breaks.
struct Sftp {
    _server: Server,
    port: u16,
    host_key: String,
}

impl Sftp {
    fn start(scene: &Scene) -> Option<Self> {
        let paths = ["/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server"];
        let (sshd, server) = (Path::new("/usr/sbin/sshd"), paths.iter().find(|p| Path::new(p).is_file()));
        let (true, Some(server)) = (sshd.is_file() && has_tool("sftp"), server) else {
            eprintln!("skipped: openssh-server is not installed");
            return None;
        };
        if is_root() {
            std::fs::create_dir_all("/run/sshd").expect("the folder that sshd asks for");
        }
        let dir = scene.beside("");
        let (port, host_key) = (free_port(), key(&dir.join("host")));
        key(&dir.join("user"));
        std::fs::create_dir_all(dir.join("drop/in")).expect("a folder");
        let d = dir.display();
        let serve = format!("{server} -d {d}drop -e -l VERBOSE 2>>{d}log");
        let cut = format!("if [ -e {d}cut ]; then dd bs=1 count=$(cat {d}cut) status=none | {serve}; else exec {serve}; fi");
        script(&dir.join("serve"), &cut);
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {d}host\nAuthorizedKeysFile {d}user.pub\nStrictModes no\nUsePAM no\n\
             PidFile none\nSubsystem sftp {d}serve\n"
        );
        std::fs::write(dir.join("sshd.conf"), config).expect("a configuration");
        let mut command = Command::new(sshd);
        command.arg("-D").arg("-f").arg(dir.join("sshd.conf")).arg("-E").arg(dir.join("sshd.log"));
        let server = Server(command.spawn().expect("sshd"));
        let listens = || std::fs::read_to_string(dir.join("sshd.log")).is_ok_and(|log| log.contains("listening"));
        (0..200)
            .find(|_| {
                listens() || {
                    std::thread::sleep(Duration::from_millis(25));
                    false
                }
            })
            .expect("sshd listens");
        Some(Self { _server: server, port, host_key })
    }

    /// A policy that delivers here, where `key` is the one that the server is known by.
    fn policy(&self, scene: &Scene, port: u16, key: &str) -> PathBuf {
        std::fs::write(scene.beside("known hosts"), format!("[127.0.0.1]:{port} {key}\n")).expect("known hosts");
        let user = Command::new("id").arg("-un").output().expect("id").stdout;
        let user = String::from_utf8_lossy(&user).trim().to_owned();
        let lines = format!(
            "deliver = \"sftp://{user}@127.0.0.1:{port}/~/in\"\ndeliver_key = \"user\"\ndeliver_known_hosts = \"known hosts\"\n\
             reread_percent = 0\nkeep = 9"
        );
        policy(scene, &lines)
    }
}

/// Bytes of what lies in a case until the middle of its journal, as it is sent: by name, the manifest at the end.
fn until_the_middle_of_the_journal(case: &Path) -> u64 {
    let size = |path: &Path| std::fs::metadata(case.join(path)).expect("a file").len();
    let journal = size(Path::new("journal/journal.jsonl"));
    // One message of the protocol holds 255 KiB.
    assert!(journal > 600_000, "{journal} bytes are too few to be cut in the middle");
    let before =
        digests(case).into_iter().map(|(path, _)| path).filter(|p| p.to_string_lossy().as_ref() < "journal/journal.jsonl");
    before.map(|path| size(&path)).sum::<u64>() + journal * 2 / 3
}

#[test]
fn sftp_goes_on_in_the_middle_of_a_file() {
    let scene = Scene::new();
    let Some(server) = Sftp::start(&scene) else { return };
    many(&scene, 5000);
    settle();
    let (drop, log) = (scene.beside("drop/in"), scene.beside("log"));
    // Nobody listens, another server answers, one that nobody knows.
    failed(&sweep(&server.policy(&scene, free_port(), &server.host_key)), "Connection refused; check host and port");
    let first = published(&scene).pop().expect("a case");
    let other = key(&scene.beside("other"));
    next_second();
    failed(&sweep(&server.policy(&scene, server.port, &other)), "Host key verification failed; put the server's key");
    next_second();
    failed(&sweep(&server.policy(&scene, 1, &server.host_key)), "Connection refused");
    assert_eq!((std::fs::read_dir(&drop).expect("a folder").count(), log.exists()), (0, false));

    // The connection breaks.
    let policy = server.policy(&scene, server.port, &server.host_key);
    std::fs::write(scene.beside("cut"), until_the_middle_of_the_journal(&first).to_string()).expect("a number");
    next_second();
    failed(&sweep(&policy), "sftp says: Connection closed");
    let part = drop.join(format!(".{}.part", first.file_name().expect("a name").to_string_lossy()));
    let size = |path: PathBuf| std::fs::metadata(path).map_or(0, |m| m.len());
    let there = size(part.join("journal/journal.jsonl"));
    let whole = size(first.join("journal/journal.jsonl"));
    assert!(there > 0 && there < whole && std::fs::read_dir(&drop).expect("a folder").count() == 1, "{there} of {whole}");
    let sent: Vec<PathBuf> = digests(&part).into_iter().map(|(path, _)| path).collect();
    assert!(sent.len() > 1 && !sent.contains(&"manifest.json".into()), "{sent:?}");

    // What is larger than it may be is sent anew.
    std::fs::write(part.join("report.json"), vec![b' '; 9_000_000]).expect("a file");
    std::fs::remove_file(scene.beside("cut")).expect("a file");
    std::fs::write(&log, "").expect("a log");
    next_second();
    let output = sweep(&policy);
    assert_eq!((output.status.code(), words(&output).as_str()), (Some(0), ""));
    arrived(&scene, &drop);
    let log = std::fs::read_to_string(&log).expect("a log");
    let about = |path: &str, what: &str| {
        let path = format!("{}/{path}\"", part.display());
        log.lines().filter(|line| line.contains(&path) && line.contains(what)).count()
    };
    assert_eq!(about("journal/journal.jsonl", &format!("written {}", whole - there)), 1, "{log}");
    assert_eq!(about("report.json", "TRUNCATE"), 1);
    for path in sent.iter().filter(|p| !p.ends_with("journal.jsonl")) {
        assert_eq!(about(&path.to_string_lossy(), "open "), 0, "{} was sent again", path.display());
    }
}

/// A server of HTTP below the scene; gives its port.
fn endpoint(scene: &Scene) -> Option<(Server, u16)> {
    if !has_tool("python3") || !has_tool("curl") {
        return None;
    }
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/put_server.py");
    let mut command = Command::new("python3");
    let mut child = command.arg(server).arg(scene.beside("")).stdout(Stdio::piped()).spawn().expect("python3");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a port");
    Some((Server(child), line.trim().parse().expect("a port")))
}

fn requests(scene: &Scene) -> Vec<String> {
    std::fs::read_to_string(scene.beside("log")).expect("a log").lines().map(str::to_owned).collect()
}

#[test]
fn http_goes_on_with_the_next_file_and_ends_with_the_manifest() {
    let scene = Scene::new();
    let Some((_server, port)) = endpoint(&scene) else { return };
    many(&scene, 40);
    settle();
    let to = |path: &str| policy(&scene, &format!("deliver = \"http://127.0.0.1:{port}{path}\"\nkeep = 9"));
    failed(&sweep(&policy(&scene, &format!("deliver = \"http://127.0.0.1:{}/in\"", free_port()))), "check host and port");
    // Another signature; what leads elsewhere is no success.
    next_second();
    let refused = sweep(&to("/drop?sig=wr0ng"));
    failed(&refused, "403");
    assert!(!words(&refused).contains("wr0ng"), "{}", words(&refused));
    next_second();
    failed(&sweep(&to("/moved?sig=s3cret")), "the server answered 302");
    assert!(!scene.beside("in").exists());

    // The third file is cut off in the middle.
    std::fs::write(scene.beside("log"), "").expect("a log");
    std::fs::write(scene.beside("refuse"), "3").expect("a number");
    let first = published(&scene).remove(0);
    next_second();
    let output = sweep(&to("/drop/?sig=s3cret"));
    failed(&output, "curl says: ");
    assert!(!words(&output).contains("s3cret"));
    let before = requests(&scene);
    assert_eq!((before.len(), digests(&scene.beside("in/drop")).len()), (3, 2), "{before:?}");
    std::fs::remove_file(scene.beside("refuse")).expect("a file");
    next_second();
    // A signature that was renewed doesn't begin anew.
    let output = sweep(&to("/drop/?sig=s3cret"));
    assert_eq!((output.status.code(), words(&output).as_str()), (Some(0), ""));
    arrived(&scene, &scene.beside("in/drop"));
    let after = requests(&scene).split_off(3);
    assert!(after[0] == before[2] && !after.contains(&before[0]) && !after.contains(&before[1]), "{before:?} {after:?}");
    let of_first: Vec<&String> =
        after.iter().filter(|r| r.contains(&*first.file_name().expect("a name").to_string_lossy())).collect();
    assert!(of_first.last().is_some_and(|r| r.ends_with("/manifest.json")), "{of_first:?}");
    assert!(of_first[of_first.len() - 2].ends_with("/manifest.json.sig"), "{of_first:?}");
}

#[test]
fn s3_is_signed_and_no_secret_is_on_a_command_line() {
    let scene = Scene::new();
    let Some((_server, port)) = endpoint(&scene) else { return };
    many(&scene, 10);
    settle();
    // What is run is noted, then done.
    std::fs::create_dir(scene.beside("bin")).expect("a folder");
    script(
        &scene.beside("bin/curl"),
        &format!("echo \"$@\" >>{}; exec /usr/bin/env -u PATH curl \"$@\"", scene.beside("args").display()),
    );
    let path = format!("{}:{}", scene.beside("bin").display(), std::env::var("PATH").expect("a path"));
    let run = |policy: &Path, path: &str| {
        let mut command = program();
        command.args(["sweep", "--quiet", "--now", "--policy"]).arg(policy).env("PATH", path).env("NO_PROXY", "127.0.0.1");
        command.output().expect("the program")
    };
    let lines = format!(
        "deliver = \"http://127.0.0.1:{port}/s3/{{file}}\"\ndeliver_secret = \"secret\"\ndeliver_region = \"eu-central-1\""
    );
    let policy = policy(&scene, &lines);
    std::fs::write(scene.beside("secret"), "AKID:an0ther\n").expect("a secret");
    failed(&run(&policy, &path), "403");
    std::fs::write(scene.beside("secret"), "nothing\n").expect("a secret");
    next_second();
    failed(&run(&policy, &path), "holds no USER:PASSWORD");
    next_second();
    std::fs::write(scene.beside("secret"), "AKID:s3cret\n").expect("a secret");
    failed(&run(&policy, scene.beside("empty").to_str().expect("text")), "curl is not installed here: install it");
    next_second();
    let output = run(&policy, &path);
    assert_eq!((output.status.code(), words(&output).as_str()), (Some(0), ""));
    arrived(&scene, &scene.beside("in/s3"));
    let args = std::fs::read_to_string(scene.beside("args")).expect("arguments");
    assert!(args.lines().count() > 10 && args.lines().all(|line| line == "-q --config -"), "{args}");
}

#[test]
fn https_believes_the_named_authority_alone() {
    if !has_tool("openssl") {
        return;
    }
    let scene = Scene::new();
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]);
    command.args(["-subj", "/CN=collector", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "ca.pem"]);
    let made = command.current_dir(scene.beside("")).output().expect("openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let part = |name: &str| std::fs::read_to_string(scene.beside(name)).expect("a part");
    std::fs::write(scene.beside("tls.pem"), part("ca.pem") + &part("key.pem")).expect("a certificate");
    let Some((_server, port)) = endpoint(&scene) else { return };
    many(&scene, 10);
    settle();
    let line = format!("deliver = \"https://127.0.0.1:{port}/drop?sig=s3cret\"");
    failed(&sweep(&policy(&scene, &line)), "name the authority's certificate under deliver_ca");
    next_second();
    let output = sweep(&policy(&scene, &(line + "\ndeliver_ca = \"ca.pem\"")));
    assert_eq!((output.status.code(), words(&output).as_str()), (Some(0), ""));
    arrived(&scene, &scene.beside("in/drop"));
}
