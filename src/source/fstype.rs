//! File systems by type, never by path: `/dev/shm` and `/run` are ordinary, `/proc` and NFS are not.

#[cfg(target_os = "linux")]
use std::collections::BTreeMap;
use std::path::Path;

/// How a file system is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FsKind {
    /// Holds stored files: walked.
    Local,
    /// A window into the kernel: nothing is stored there, and reading has side effects.
    Pseudo,
    /// On another machine: walked with `--include-network`.
    Network,
}

/// A file system's kind and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FsType {
    pub kind: FsKind,
    pub name: &'static str,
}

/// `f_type` of statfs(2); values from `linux/magic.h` and statfs(2).
#[cfg(any(target_os = "linux", test))]
const TYPES: &[(u64, FsKind, &str)] = &[
    (0x9fa0, FsKind::Pseudo, "proc"),
    (0x6265_6572, FsKind::Pseudo, "sysfs"),
    (0x6462_6720, FsKind::Pseudo, "debugfs"),
    (0x7472_6163, FsKind::Pseudo, "tracefs"),
    (0x0027_e0eb, FsKind::Pseudo, "cgroup"),
    (0x6367_7270, FsKind::Pseudo, "cgroup2"),
    (0xcafe_4a11, FsKind::Pseudo, "bpf"),
    (0x7363_6673, FsKind::Pseudo, "securityfs"),
    (0xf97c_ff8c, FsKind::Pseudo, "selinuxfs"),
    (0x4341_5d53, FsKind::Pseudo, "smackfs"),
    (0x6265_6570, FsKind::Pseudo, "configfs"),
    (0x6165_676c, FsKind::Pseudo, "pstore"),
    (0xde5e_81e4, FsKind::Pseudo, "efivarfs"),
    (0x1cd1, FsKind::Pseudo, "devpts"),
    (0x1980_0202, FsKind::Pseudo, "mqueue"),
    (0x6573_5543, FsKind::Pseudo, "fusectl"),
    (0x4249_4e4d, FsKind::Pseudo, "binfmt_misc"),
    (0x6759_6969, FsKind::Pseudo, "rpc_pipefs"),
    (0x6e73_6673, FsKind::Pseudo, "nsfs"),
    (0x0187, FsKind::Pseudo, "autofs"),
    (0x6969, FsKind::Network, "nfs"),
    (0x517b, FsKind::Network, "smb"),
    (0xff53_4d42, FsKind::Network, "cifs"),
    (0xfe53_4d42, FsKind::Network, "smb2"),
    (0x564c, FsKind::Network, "ncp"),
    (0x7375_7245, FsKind::Network, "coda"),
    (0x5346_414f, FsKind::Network, "afs"),
    (0x6b41_4653, FsKind::Network, "kafs"),
    (0x0102_1997, FsKind::Network, "9p"),
    (0x00c3_6400, FsKind::Network, "ceph"),
    (0x0bd0_0bd0, FsKind::Network, "lustre"),
    (0xbacb_acbc, FsKind::Network, "vmhgfs"),
    (0x786f_4256, FsKind::Network, "vboxsf"),
    (FUSE, FsKind::Network, "fuse"),
    (0xef53, FsKind::Local, "ext"),
    (0x5846_5342, FsKind::Local, "xfs"),
    (0x9123_683e, FsKind::Local, "btrfs"),
    (0x0102_1994, FsKind::Local, "tmpfs"),
    (0x8584_58f6, FsKind::Local, "ramfs"),
    (0x794c_7630, FsKind::Local, "overlay"),
    (0x5346_544e, FsKind::Local, "ntfs"),
    (0x7366_746e, FsKind::Local, "ntfs3"),
    (0x4d44, FsKind::Local, "vfat"),
    (0x2011_bab0, FsKind::Local, "exfat"),
    (0x9660, FsKind::Local, "iso9660"),
    (0x1501_3346, FsKind::Local, "udf"),
    (0x7371_7368, FsKind::Local, "squashfs"),
    (0xe0f5_e1e2, FsKind::Local, "erofs"),
    (0xf2f5_2010, FsKind::Local, "f2fs"),
    (0x2fc1_2fc1, FsKind::Local, "zfs"),
    (0x482b, FsKind::Local, "hfsplus"),
];

#[cfg(any(target_os = "linux", test))]
const FUSE: u64 = 0x6573_5546;

/// FUSE carries both local drivers (ntfs-3g) and networks (sshfs). The mount table's type tells them apart.
#[cfg(target_os = "linux")]
const LOCAL_FUSE: &[&str] = &["fuseblk", "fuse.ntfs", "fuse.ntfs-3g", "fuse.exfat", "fuse.fuse-overlayfs", "fuse.ext4"];

/// Classifies an `f_type`; unknown types hold files as far as we know.
#[cfg(any(target_os = "linux", test))]
fn classify(magic: u64) -> FsType {
    TYPES
        .iter()
        .find(|(m, _, _)| *m == magic)
        .map_or(FsType { kind: FsKind::Local, name: "unknown" }, |(_, kind, name)| FsType { kind: *kind, name })
}

/// The file system that an open folder or file lies on. `dev` is its device number (for FUSE's mount table).
#[cfg(target_os = "linux")]
pub fn fs_type_of(fd: impl rustix::fd::AsFd, dev: u64) -> std::io::Result<FsType> {
    let stat = rustix::fs::fstatfs(fd)?;
    // The field is signed on some architectures; the magic is 32 bits wide on all.
    let magic = (stat.f_type as u64) & 0xffff_ffff;
    if magic == FUSE && mount_type(dev).is_some_and(|t| LOCAL_FUSE.contains(&t.as_str())) {
        return Ok(FsType { kind: FsKind::Local, name: "fuse" });
    }
    Ok(classify(magic))
}

/// The type of the mount with this device number (proc(5), mountinfo: field 3 and the one after ` - `).
#[cfg(target_os = "linux")]
fn mount_type(dev: u64) -> Option<String> {
    let wanted = format!("{}:{}", rustix::fs::major(dev), rustix::fs::minor(dev));
    let table = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    table.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        (left.split(' ').nth(2)? == wanted).then(|| right.split(' ').next().unwrap_or("").to_owned())
    })
}

/// Types of the mount table that are networks, beside FUSE's.
#[cfg(target_os = "linux")]
const NETWORKS: &[&str] =
    &["nfs", "nfs4", "smbfs", "cifs", "smb3", "ncpfs", "coda", "afs", "9p", "ceph", "lustre", "vmhgfs", "vboxsf", "fuse"];

/// What is mounted somewhere, as the kernel's table says: a server that is gone would make whoever asks the file system itself
/// wait for ever.
#[cfg(target_os = "linux")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    pub name: String,
    pub network: bool,
}

#[cfg(target_os = "linux")]
impl Mount {
    /// A window into the kernel.
    pub fn is_pseudo(&self) -> bool {
        TYPES.iter().any(|(_, kind, name)| *kind == FsKind::Pseudo && *name == self.name)
    }
}

/// Whether anything is mounted that a server or another program answers for, which may be gone. A disk that is gone answers with
/// errors.
pub fn others_answer() -> bool {
    #[cfg(target_os = "linux")]
    {
        mounts().values().any(|mount| mount.network || mount.name.starts_with("fuse.") || mount.name == "fuseblk")
    }
    #[cfg(not(target_os = "linux"))]
    false
}

/// Every mount by its path (proc(5), mountinfo: field 5 and the one after ` - `).
#[cfg(target_os = "linux")]
pub fn mounts() -> BTreeMap<Vec<u8>, Mount> {
    parse_mounts(&std::fs::read("/proc/self/mountinfo").unwrap_or_default())
}

#[cfg(target_os = "linux")]
fn parse_mounts(table: &[u8]) -> BTreeMap<Vec<u8>, Mount> {
    let network = |name: &str| NETWORKS.contains(&name) || (name.starts_with("fuse.") && !LOCAL_FUSE.contains(&name));
    let mounts = table.split(|b| *b == b'\n').filter_map(|line| {
        let mut fields = line.split(|b| *b == b' ');
        let point = fields.nth(4)?;
        let name = String::from_utf8_lossy(fields.skip_while(|f| *f != b"-").nth(1)?).into_owned();
        Some((unescaped(point), Mount { network: network(&name), name }))
    });
    mounts.collect()
}

/// Blanks and backslashes stand in three octal digits (proc(5)).
#[cfg(target_os = "linux")]
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..3).filter(|d| *first == b'\\' && d.iter().all(|b| (b'0'..=b'7').contains(b)));
        let value = digits.and_then(|d| u8::from_str_radix(std::str::from_utf8(d).ok()?, 8).ok());
        out.push(value.unwrap_or(*first));
        rest = if value.is_some() { &behind[3..] } else { behind };
    }
    out
}

/// The file system a path lies on, where the platform tells.
#[cfg(target_os = "linux")]
pub fn fs_type(path: &Path) -> std::io::Result<FsType> {
    use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags, makedev, openat, statx};
    let fd = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    let st = statx(&fd, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
    fs_type_of(&fd, makedev(st.stx_dev_major, st.stx_dev_minor))
}

/// The file system that a path lies on, by its drive.
#[cfg(windows)]
pub fn fs_type(path: &Path) -> std::io::Result<FsType> {
    use std::path::Component;
    let root: std::path::PathBuf =
        path.components().take_while(|c| matches!(c, Component::Prefix(_) | Component::RootDir)).collect();
    let kind = match crate::sys::windows::drive(&root) {
        crate::sys::windows::Drive::Network => FsKind::Network,
        _ => FsKind::Local,
    };
    Ok(FsType { kind, name: if kind == FsKind::Network { "network drive" } else { "drive" } })
}

/// The file system a path lies on, where the platform tells.
#[cfg(not(any(target_os = "linux", windows)))]
pub fn fs_type(_path: &Path) -> std::io::Result<FsType> {
    Ok(FsType { kind: FsKind::Local, name: "unknown" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_windows_and_networks_are_told_from_disks() {
        assert_eq!(classify(0x9fa0).kind, FsKind::Pseudo);
        assert_eq!(classify(0x6969).kind, FsKind::Network);
        assert_eq!(classify(0xef53).kind, FsKind::Local);
        assert_eq!(classify(0x1234_5678).kind, FsKind::Local);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn networks_are_read_off_the_mount_table() {
        let table = b"36 35 98:0 /a /mnt\\040a\\134 rw,noatime master:1 - nfs4 server:/ rw\n\
            37 35 0:39 / /mnt/usb rw - fuse.ntfs-3g /dev/sdb1 rw\n38 35 0:40 / /mnt/b rw shared:2 x:1 - fuse.sshfs h: rw\n\
            39 35 8:1 / / rw - ext4 /dev/sda1 rw\ncut 1 2";
        let mounts = parse_mounts(table);
        let told: Vec<(&[u8], &str, bool)> =
            mounts.iter().map(|(path, m)| (path.as_slice(), m.name.as_str(), m.network)).collect();
        let expected: [(&[u8], &str, bool); 4] = [
            (b"/", "ext4", false),
            (b"/mnt a\\", "nfs4", true),
            (b"/mnt/b", "fuse.sshfs", true),
            (b"/mnt/usb", "fuse.ntfs-3g", false),
        ];
        assert_eq!(told, expected);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_answers() {
        assert_eq!(fs_type(Path::new("/proc")).unwrap().name, "proc");
        assert_eq!(fs_type(Path::new("/")).unwrap().kind, FsKind::Local);
    }
}
