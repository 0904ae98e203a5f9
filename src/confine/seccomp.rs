//! Calls that the kernel refuses this process (seccomp(2)): network, other programs and processes, mounts, attributes of
//! files, and the parts of the kernel that an exploit reaches for.
//!
//! A list of what is refused, not of what is allowed: the C library may use new calls for old things. Memory that is
//! written and then executed stays allowed, since YARA-X compiles rules to machine code. Where Landlock is missing,
//! opening files for writing is not refused here: numbers are compared, not paths.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::{Degree, Measure};

#[cfg(target_arch = "x86_64")]
const ARCH: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCH: TargetArch = TargetArch::aarch64;

/// Refused with EPERM, whatever the arguments.
const REFUSED: &[libc::c_long] = &[
    // Network. A socket pair reaches nobody else.
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    // Other programs and processes.
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kcmp,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_tkill,
    // Mounts and name spaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    // Attributes of files, and what makes new kinds of them.
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchmodat2,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_mknodat,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    // Identity.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_setgroups,
    libc::SYS_capset,
    libc::SYS_personality,
    // The kernel and the machine.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_vhangup,
];

/// Older forms of the same, which only this processor has.
#[cfg(target_arch = "x86_64")]
const OLDER: &[libc::c_long] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
    libc::SYS_link,
    libc::SYS_symlink,
    libc::SYS_mknod,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[libc::c_long] = &[];

/// setxattrat(2), removexattrat(2), open_tree_attr(2) and file_setattr(2), which have one number on all processors.
const NEWER: &[libc::c_long] = &[463, 466, 467, 469];

/// With this bit a call is the same by the numbers of x32 (`__X32_SYSCALL_BIT`).
const X32: i64 = 0x4000_0000;

/// What may be asked of a terminal or a file: settings and size of the window are read, close-on-exec is set.
const IOCTLS: &[u64] = &[0x5401, 0x5413, 0x540f, 0x541b, 0x5451, 0x5450, 0x5421];

pub fn enter() -> Measure {
    const NAME: &str = "seccomp";
    match filters().and_then(|filters| filters.iter().try_for_each(|f| seccompiler::apply_filter_all_threads(f))) {
        Ok(()) => Measure::new(
            NAME,
            Degree::Full,
            "refused: network, programs, processes, tracing, mounts, attributes of files, modules; machine code of rules stays allowed",
        ),
        Err(e) => Measure::new(NAME, Degree::None, e.to_string()),
    }
}

fn filters() -> Result<Vec<BpfProgram>, seccompiler::Error> {
    let mut refused: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for call in REFUSED.iter().chain(OLDER).chain(NEWER) {
        refused.insert(*call, Vec::new());
    }
    let own = u64::from(std::process::id());
    let other_process = SeccompRule::new(vec![when(0, SeccompCmpOp::Ne, own)?])?;
    refused.insert(libc::SYS_kill, vec![other_process.clone()]);
    refused.insert(libc::SYS_tgkill, vec![other_process]);
    // Threads are; processes are not.
    let thread = libc::CLONE_THREAD as u64;
    refused.insert(libc::SYS_clone, vec![SeccompRule::new(vec![when(0, SeccompCmpOp::MaskedEq(thread), 0)?])?]);
    let unknown: Result<Vec<_>, _> = IOCTLS.iter().map(|known| when(1, SeccompCmpOp::Ne, *known)).collect();
    refused.insert(libc::SYS_ioctl, vec![SeccompRule::new(unknown?)?]);
    if cfg!(target_arch = "x86_64") {
        let same: Vec<_> = refused.iter().map(|(call, rules)| (call | X32, rules.clone())).collect();
        refused.extend(same);
    }
    // Its flags lie in memory, which a filter can't read: the C library takes clone(2) where this one is unknown.
    let unknown = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    [(unknown, libc::ENOSYS), (refused, libc::EPERM)]
        .into_iter()
        .map(|(calls, error)| {
            let error = SeccompAction::Errno(u32::try_from(error).unwrap_or(1));
            Ok(SeccompFilter::new(calls, SeccompAction::Allow, error, ARCH)?.try_into()?)
        })
        .collect()
}

fn when(argument: u8, compare: SeccompCmpOp, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, Dword, compare, value)
}
