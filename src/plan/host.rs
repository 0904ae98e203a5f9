//! The machine a scan runs on, and the program that runs.

use std::fs;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use crate::model::text::hex;
use crate::report::{Host, Tool, sha256_of};
#[cfg(windows)]
use crate::sys::windows::{registry_number, registry_text};

/// This program: version, target triple, and the digest of the file it was started from.
pub fn tool() -> Tool {
    Tool {
        name: "wardround".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        sha256: digest().clone(),
        target: target_triple(),
    }
}

/// Of the program's file; found out once.
fn digest() -> &'static Option<String> {
    static DIGEST: OnceLock<Option<String>> = OnceLock::new();
    DIGEST.get_or_init(|| std::env::current_exe().ok().and_then(|p| sha256_of(&mut fs::File::open(p).ok()?).ok()))
}

/// As rustc names the target, put together from what it tells at compile time.
fn target_triple() -> String {
    let vendor = match () {
        () if cfg!(target_vendor = "apple") => "apple",
        () if cfg!(target_vendor = "pc") => "pc",
        () => "unknown",
    };
    let os = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    let abi = match () {
        () if cfg!(target_env = "gnu") => "-gnu",
        () if cfg!(target_env = "musl") => "-musl",
        () if cfg!(target_env = "msvc") => "-msvc",
        () => "",
    };
    format!("{}-{vendor}-{os}{abi}", std::env::consts::ARCH)
}

/// The name of this machine's time zone. TZ may name a file, and whoever reads a device that never ends is never done.
fn timezone() -> Option<String> {
    let asked = std::env::var_os("TZ").unwrap_or_default();
    let asked = asked.to_string_lossy();
    let path = std::path::Path::new(asked.trim_start_matches(':'));
    let sound = !path.is_absolute() || path.metadata().is_ok_and(|m| m.is_file() && m.len() < 1 << 20);
    sound.then(|| jiff::tz::TimeZone::system().iana_name().map(str::to_owned)).flatten()
}

/// Host name as the system gives it, without asking the network.
pub fn host_name() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    if name.is_empty() { "unknown".into() } else { name }
}

/// What the report says of the machine.
pub fn host() -> Host {
    Host {
        name: host_name(),
        os: std::env::consts::OS.into(),
        os_version: os_version(),
        machine_id_sha256: machine_id().map(|id| hex(&Sha256::digest(id.trim_ascii()))),
        timezone: timezone(),
        boot_time: boot_time(),
        privileges: Some(privileges()),
    }
}

#[cfg(not(windows))]
fn machine_id() -> Option<Vec<u8>> {
    fs::read("/etc/machine-id").ok()
}

#[cfg(windows)]
fn machine_id() -> Option<Vec<u8>> {
    registry_text(r"SOFTWARE\Microsoft\Cryptography", "MachineGuid").map(String::into_bytes)
}

#[cfg(windows)]
fn os_version() -> Option<String> {
    const KEY: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
    let told = |value| registry_text(KEY, value);
    // Windows 11 calls itself 10 there; the build tells.
    let build = told("CurrentBuild").or_else(|| told("CurrentBuildNumber"))?;
    let name = told("ProductName").unwrap_or_else(|| "Windows".to_owned());
    let version = told("DisplayVersion").map(|v| format!(" {v}")).unwrap_or_default();
    let revision = registry_number(KEY, "UBR").map(|n| format!(".{n}")).unwrap_or_default();
    Some(format!("{name}{version}, build {build}{revision}"))
}

#[cfg(windows)]
fn boot_time() -> Option<String> {
    let up = crate::sys::windows::uptime();
    jiff::Timestamp::now().checked_sub(jiff::SignedDuration::try_from(up).ok()?).ok().map(|t| t.to_string())
}

#[cfg(not(windows))]
fn os_version() -> Option<String> {
    let text = fs::read_to_string("/etc/os-release").ok()?;
    let name = text.lines().find_map(|l| l.strip_prefix("PRETTY_NAME="))?.trim_matches('"').to_owned();
    #[cfg(unix)]
    return Some(format!("{name}, kernel {}", rustix::system::uname().release().to_string_lossy()));
    #[cfg(not(unix))]
    Some(name)
}

/// `btime` of proc(5).
#[cfg(not(windows))]
fn boot_time() -> Option<String> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let seconds: i64 = stat.lines().find_map(|l| l.strip_prefix("btime "))?.trim().parse().ok()?;
    jiff::Timestamp::from_second(seconds).ok().map(|t| t.to_string())
}

#[cfg(unix)]
fn privileges() -> String {
    match rustix::process::geteuid().as_raw() {
        0 => "root".into(),
        uid => format!("uid {uid}"),
    }
}

#[cfg(windows)]
fn privileges() -> String {
    use crate::sys::windows::{Privilege, account, enable, is_elevated};
    let account = account().unwrap_or_else(|| "unknown".to_owned());
    let elevated = if is_elevated() { "elevated" } else { "not elevated" };
    let backup = if enable(Privilege::Backup).is_ok() { ", SeBackupPrivilege" } else { "" };
    format!("{account}, {elevated}{backup}")
}

#[cfg(not(any(unix, windows)))]
fn privileges() -> String {
    "unknown".into()
}
