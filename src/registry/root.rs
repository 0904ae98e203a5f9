//! Which part of the registry a hive is.

/// Root of the registry under which a hive is loaded. Its own top keys tell best; otherwise the name that
/// Windows left in its first block, or the file's.
pub(super) fn mount(top: &[String], inner_name: &str, file_name: &str) -> Option<&'static str> {
    by_keys(top, inner_name, file_name).or_else(|| by_name(inner_name)).or_else(|| by_name(file_name))
}

fn by_keys(top: &[String], inner_name: &str, file_name: &str) -> Option<&'static str> {
    let has = |name: &str| top.iter().any(|t| t.eq_ignore_ascii_case(name));
    if has("ControlSet001") || (has("Select") && has("MountedDevices")) {
        Some(r"HKEY_LOCAL_MACHINE\SYSTEM")
    } else if has("Microsoft") && has("Classes") {
        Some(r"HKEY_LOCAL_MACHINE\SOFTWARE")
    } else if has("Software") && (has("Environment") || has("Control Panel")) {
        let default = by_name(inner_name).or_else(|| by_name(file_name)) == Some(DEFAULT);
        Some(if default { DEFAULT } else { "HKEY_CURRENT_USER" })
    } else if has("SAM") && top.len() == 1 {
        Some(r"HKEY_LOCAL_MACHINE\SAM")
    } else if has("Policy") && has("RXACT") {
        Some(r"HKEY_LOCAL_MACHINE\SECURITY")
    } else {
        None
    }
}

const DEFAULT: &str = r"HKEY_USERS\.DEFAULT";

/// A path or name that ends in what Windows calls the file, with anything behind a dot (`SOFTWARE.bak`).
fn by_name(path: &str) -> Option<&'static str> {
    let name = path.rsplit(['\\', '/']).next().unwrap_or_default().to_ascii_lowercase();
    let stem = name.split('.').next().unwrap_or_default();
    Some(match stem {
        "ntuser" => "HKEY_CURRENT_USER",
        "usrclass" => r"HKEY_CURRENT_USER\Software\Classes",
        "software" => r"HKEY_LOCAL_MACHINE\SOFTWARE",
        "system" => r"HKEY_LOCAL_MACHINE\SYSTEM",
        "sam" => r"HKEY_LOCAL_MACHINE\SAM",
        "security" => r"HKEY_LOCAL_MACHINE\SECURITY",
        "components" => r"HKEY_LOCAL_MACHINE\COMPONENTS",
        "drivers" => r"HKEY_LOCAL_MACHINE\DRIVERS",
        "bcd" => r"HKEY_LOCAL_MACHINE\BCD00000000",
        "default" => DEFAULT,
        _ => {
            // NTUSER-x.DAT, as copies are called.
            return name.starts_with("ntuser").then_some("HKEY_CURRENT_USER");
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tell_before_names() {
        let top = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let system = Some(r"HKEY_LOCAL_MACHINE\SYSTEM");
        assert_eq!(mount(&top(&["ControlSet001", "Select"]), "", "ntuser.dat"), system);
        assert_eq!(mount(&top(&["Software", "Environment"]), "", "x"), Some("HKEY_CURRENT_USER"));
        assert_eq!(mount(&top(&["Software", "Environment"]), r"\config\DEFAULT", "x"), Some(DEFAULT));
        assert_eq!(mount(&[], r"\SystemRoot\System32\Config\SYSTEM", "x"), system);
        assert_eq!(mount(&[], "", "UsrClass.dat"), Some(r"HKEY_CURRENT_USER\Software\Classes"));
        assert_eq!(mount(&top(&["Root"]), r"\AppCompat\Programs\Amcache.hve", "Amcache.hve"), None);
    }
}
