//! Calls of Windows that have no safe wrapper.
//!
//! Every call gets plain numbers, a handle that the caller holds, text that ends with a NUL, or a buffer with its length;
//! none keeps a pointer. What a call wrote is read as bytes, with bounds checked (`sys::ntinfo`).
#![allow(unsafe_code)]

use std::ffi::{OsStr, c_void};
use std::fs::File;
use std::io;
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::Path;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_INSUFFICIENT_BUFFER, ERROR_MORE_DATA, ERROR_NO_MORE_FILES, ERROR_NOT_ALL_ASSIGNED, FILETIME, GetLastError, HANDLE,
    LUID, LocalFree,
};
use windows_sys::Win32::Security::Authorization::{ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1};
use windows_sys::Win32::Security::{
    AdjustTokenPrivileges, DACL_SECURITY_INFORMATION, GetKernelObjectSecurity, GetTokenInformation, LUID_AND_ATTRIBUTES,
    OWNER_SECURITY_INFORMATION, SE_PRIVILEGE_ENABLED, SE_PRIVILEGE_REMOVED, SECURITY_ATTRIBUTES, TOKEN_ADJUST_PRIVILEGES,
    TOKEN_INFORMATION_CLASS, TOKEN_PRIVILEGES, TOKEN_QUERY, TokenElevation, TokenPrivileges, TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::{
    CreateDirectoryW, GetDiskFreeSpaceExW, GetDriveTypeW, GetFileInformationByHandleEx, GetLogicalDrives,
    GetVolumeInformationByHandleW,
};
use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, CTRL_CLOSE_EVENT, SetConsoleCtrlHandler};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_ACTIVE_PROCESS, JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation, SetInformationJobObject,
};
use windows_sys::Win32::System::ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS};
use windows_sys::Win32::System::Registry::{HKEY_LOCAL_MACHINE, RRF_RT_REG_DWORD, RRF_RT_REG_SZ, RegGetValueW};
use windows_sys::Win32::System::SystemInformation::{GetTickCount64, GlobalMemoryStatusEx, MEMORYSTATUSEX};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, GetCurrentThread, GetProcessTimes, GetSystemTimes, IDLE_PRIORITY_CLASS, OpenProcessToken,
    PROCESS_MITIGATION_POLICY, SetPriorityClass, SetProcessMitigationPolicy, SetThreadPriority, THREAD_MODE_BACKGROUND_BEGIN,
};

use super::ntinfo;

/// What `GetFileInformationByHandleEx` is asked for.
#[derive(Clone, Copy, Debug)]
#[repr(i32)]
pub enum Info {
    Basic = 0,
    Standard = 1,
    Streams = 7,
    AttributeTag = 9,
    /// The next names of a folder.
    Names = 10,
    /// The first names of a folder.
    FirstNames = 11,
    Id = 18,
}

/// Asks about an open file or folder; the answer is in `buffer`, which is aligned as the structures are.
///
/// # Errors
/// As the system says; `buffer` too small is `ERROR_MORE_DATA`.
pub fn ask(file: &File, info: Info, buffer: &mut [u64]) -> io::Result<()> {
    let length = u32::try_from(size_of_val(buffer)).unwrap_or(0);
    // SAFETY: the handle is open, and the buffer as long as it is said to be.
    done(unsafe { GetFileInformationByHandleEx(handle(file), info as i32, buffer.as_mut_ptr().cast(), length) })
}

/// The bytes of a buffer that a call filled.
pub fn bytes(buffer: &[u64]) -> Vec<u8> {
    buffer.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// The next part of a folder's names; none when there are no more.
///
/// # Errors
/// As the system says.
pub fn names(folder: &File, first: bool, buffer: &mut [u64]) -> io::Result<Option<Vec<ntinfo::Listed>>> {
    buffer.fill(0);
    match ask(folder, if first { Info::FirstNames } else { Info::Names }, buffer) {
        Err(e) if e.raw_os_error() == Some(ERROR_NO_MORE_FILES.cast_signed()) => Ok(None),
        Err(e) => Err(e),
        Ok(()) => ntinfo::listing(&bytes(buffer)).map(Some).ok_or_else(malformed),
    }
}

/// Name and size of each named stream; empty where the file system has none.
///
/// # Errors
/// As the system says.
pub fn streams(file: &File) -> io::Result<Vec<(Vec<u16>, u64)>> {
    const END_OF_FILE: i32 = 38;
    const MOST: usize = 1 << 17;
    let mut buffer = vec![0_u64; 128];
    loop {
        match ask(file, Info::Streams, &mut buffer) {
            Ok(()) => return ntinfo::streams(&bytes(&buffer)).ok_or_else(malformed),
            Err(e) if e.raw_os_error() == Some(ERROR_MORE_DATA.cast_signed()) && buffer.len() < MOST => {
                buffer = vec![0; buffer.len() * 8];
            }
            // A folder without any, and file systems that know none.
            Err(e) if e.raw_os_error() == Some(END_OF_FILE) || is_unsupported(&e) => return Ok(Vec::new()),
            Err(e) => return Err(e),
        }
    }
}

/// Invalid function, not supported, invalid parameter, invalid level.
fn is_unsupported(e: &io::Error) -> bool {
    matches!(e.raw_os_error(), Some(1 | 50 | 87 | 124))
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the system's answer is malformed")
}

/// Owner and access control list of an open file, as the self-relative descriptor that they come in.
///
/// # Errors
/// As the system says: reading them needs READ_CONTROL on the handle.
pub fn security(file: &File) -> io::Result<Vec<u8>> {
    let wanted = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    let mut buffer = vec![0_u64; 64];
    let mut needed = 0_u32;
    for _ in 0..2 {
        let length = u32::try_from(size_of_val(buffer.as_slice())).unwrap_or(0);
        // SAFETY: the handle is open, and the buffer as long as it is said to be.
        match done(unsafe { GetKernelObjectSecurity(handle(file), wanted, buffer.as_mut_ptr().cast(), length, &raw mut needed) })
        {
            Ok(()) => return Ok(bytes(&buffer)),
            Err(e) if e.raw_os_error() == Some(ERROR_INSUFFICIENT_BUFFER.cast_signed()) => {
                buffer = vec![0; usize::try_from(needed).unwrap_or(0).min(1 << 20) / 8 + 1];
            }
            Err(e) => return Err(e),
        }
    }
    Err(malformed())
}

/// Name of the file system and serial number of the volume that an open file lies on.
///
/// # Errors
/// As the system says.
pub fn volume(file: &File) -> io::Result<(String, u32)> {
    let mut name = [0_u16; 64];
    let mut serial = 0;
    // SAFETY: the handle is open; lengths are those of the buffers, and null stands for what isn't asked for.
    done(unsafe {
        GetVolumeInformationByHandleW(
            handle(file),
            null_mut(),
            0,
            &raw mut serial,
            null_mut(),
            null_mut(),
            name.as_mut_ptr(),
            name.len() as u32,
        )
    })?;
    Ok((until_nul(&name), serial))
}

/// What a drive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drive {
    Fixed,
    Network,
    Other,
}

/// The kind of the drive with this root, as `C:\`.
pub fn drive(root: &Path) -> Drive {
    let root = wide(root.as_os_str());
    // SAFETY: the text ends with a NUL.
    match unsafe { GetDriveTypeW(root.as_ptr()) } {
        3 => Drive::Fixed,
        4 => Drive::Network,
        _ => Drive::Other,
    }
}

/// The roots of all fixed drives.
pub fn fixed_drives() -> Vec<std::path::PathBuf> {
    // SAFETY: no arguments.
    let present = unsafe { GetLogicalDrives() };
    let letters = (b'A'..=b'Z').filter(|letter| present & 1 << (letter - b'A') != 0);
    let roots = letters.map(|letter| std::path::PathBuf::from(format!("{}:\\", char::from(letter))));
    roots.filter(|root| drive(root) == Drive::Fixed).collect()
}

/// Bytes that this account may still write where the folder is, and all that there are.
pub fn disk(folder: &Path) -> Option<(u64, u64)> {
    let folder = wide(folder.as_os_str());
    let (mut free, mut all) = (0, 0);
    // SAFETY: the text ends with a NUL; the numbers outlive the call.
    done(unsafe { GetDiskFreeSpaceExW(folder.as_ptr(), &raw mut free, &raw mut all, null_mut()) }).ok()?;
    Some((free, all))
}

/// Makes a folder that only SYSTEM, administrators and the account that runs may enter.
///
/// # Errors
/// As the system says.
pub fn private_dir(path: &Path) -> io::Result<()> {
    let account = account().unwrap_or_else(|| "OW".to_owned());
    let rights = wide(OsStr::new(&format!("D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;{account})")));
    let path = wide(path.as_os_str());
    let mut descriptor = null_mut();
    // SAFETY: texts end with a NUL. The descriptor is the system's until it is freed, after its last use.
    unsafe {
        done(ConvertStringSecurityDescriptorToSecurityDescriptorW(
            rights.as_ptr(),
            SDDL_REVISION_1,
            &raw mut descriptor,
            null_mut(),
        ))?;
        let attributes = SECURITY_ATTRIBUTES {
            nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
            lpSecurityDescriptor: descriptor,
            bInheritHandle: 0,
        };
        let made = done(CreateDirectoryW(path.as_ptr(), &raw const attributes));
        LocalFree(descriptor);
        made
    }
}

/// The token of this process.
fn token(access: u32) -> io::Result<OwnedHandle> {
    let mut token: HANDLE = null_mut();
    // SAFETY: the handle of the process needs no closing; the token is closed by its owner.
    unsafe {
        done(OpenProcessToken(GetCurrentProcess(), access, &raw mut token))?;
        Ok(OwnedHandle::from_raw_handle(token))
    }
}

fn token_info(class: TOKEN_INFORMATION_CLASS) -> io::Result<Vec<u64>> {
    let token = token(TOKEN_QUERY)?;
    let mut buffer = vec![0_u64; 512];
    let mut needed = 0;
    let length = u32::try_from(size_of_val(buffer.as_slice())).unwrap_or(0);
    // SAFETY: the token is open, and the buffer as long as it is said to be.
    done(unsafe { GetTokenInformation(token.as_raw_handle(), class, buffer.as_mut_ptr().cast(), length, &raw mut needed) })?;
    Ok(buffer)
}

/// The account that runs, as a SID.
pub fn account() -> Option<String> {
    let buffer = token_info(TokenUser).ok()?;
    // The first word points at the SID, which lies in the buffer too.
    let at = usize::try_from(*buffer.first()?).ok()?.checked_sub(buffer.as_ptr().addr())?;
    ntinfo::sid(bytes(&buffer).get(at..)?)
}

/// Whether the account's rights as an administrator are in force.
pub fn is_elevated() -> bool {
    token_info(TokenElevation).is_ok_and(|buffer| buffer.first().is_some_and(|word| word & 0xffff_ffff != 0))
}

/// Rights that a token can hold, by their numbers, which are the same on every Windows (wdm.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Privilege {
    CreateToken = 2,
    AssignPrimaryToken = 3,
    Tcb = 7,
    Security = 8,
    TakeOwnership = 9,
    LoadDriver = 10,
    Backup = 17,
    Restore = 18,
    Shutdown = 19,
    Debug = 20,
    /// Without it every folder on the way to a file would be checked.
    ChangeNotify = 23,
    Impersonate = 29,
}

fn set_privileges(token: &OwnedHandle, luids: &[LUID], attributes: u32) -> io::Result<()> {
    for luid in luids {
        let one =
            TOKEN_PRIVILEGES { PrivilegeCount: 1, Privileges: [LUID_AND_ATTRIBUTES { Luid: *luid, Attributes: attributes }] };
        // SAFETY: the token is open and the structure outlives the call; nothing is wanted back.
        unsafe {
            done(AdjustTokenPrivileges(token.as_raw_handle(), 0, &raw const one, 0, null_mut(), null_mut()))?;
            if GetLastError() == ERROR_NOT_ALL_ASSIGNED {
                return Err(io::Error::from_raw_os_error(ERROR_NOT_ALL_ASSIGNED.cast_signed()));
            }
        }
    }
    Ok(())
}

/// Brings a right into force that the account holds.
///
/// # Errors
/// Where it doesn't hold it.
pub fn enable(privilege: Privilege) -> io::Result<()> {
    let luid = LUID { LowPart: privilege as u32, HighPart: 0 };
    set_privileges(&token(TOKEN_ADJUST_PRIVILEGES)?, &[luid], SE_PRIVILEGE_ENABLED)
}

/// Removes every right of this process but these, for good.
///
/// # Errors
/// As the system says.
pub fn keep_only(kept: &[Privilege]) -> io::Result<usize> {
    let held = bytes(&token_info(TokenPrivileges)?);
    let count = held.first_chunk().map_or(0, |n| u32::from_le_bytes(*n));
    let entries = held.get(4..).unwrap_or_default().chunks_exact(12).take(usize::try_from(count).unwrap_or(0));
    let mut gone = Vec::new();
    for entry in entries {
        let number = |at: usize| entry.get(at..).and_then(|b| b.first_chunk()).map_or(0, |n| u32::from_le_bytes(*n));
        let luid = LUID { LowPart: number(0), HighPart: number(4).cast_signed() };
        if luid.HighPart != 0 || !kept.iter().any(|k| *k as u32 == luid.LowPart) {
            gone.push(luid);
        }
    }
    set_privileges(&token(TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY)?, &gone, SE_PRIVILEGE_REMOVED)?;
    Ok(gone.len())
}

/// Puts this process into a job of its own, which may hold no second process and in which a crash asks nobody.
///
/// # Errors
/// As the system says.
pub fn enter_job() -> io::Result<()> {
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_ACTIVE_PROCESS | JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION;
    limits.BasicLimitInformation.ActiveProcessLimit = 1;
    // SAFETY: no name and no attributes; the structure outlives the call and its size is given. The job lives as long as
    // the process is in it, so that its handle can be closed.
    unsafe {
        let job = CreateJobObjectW(null(), null());
        if job.is_null() {
            return Err(io::Error::last_os_error());
        }
        let job = OwnedHandle::from_raw_handle(job);
        let length = size_of_val(&limits) as u32;
        let class = JobObjectExtendedLimitInformation;
        done(SetInformationJobObject(job.as_raw_handle(), class, (&raw const limits).cast(), length))?;
        done(AssignProcessToJobObject(job.as_raw_handle(), GetCurrentProcess()))
    }
}

/// Sets the flags of a mitigation policy of this process, each a structure of 32 bits (winnt.h); they can't be taken back.
///
/// # Errors
/// Where the system doesn't know the policy.
pub fn mitigate(policy: PROCESS_MITIGATION_POLICY, flags: u32) -> io::Result<()> {
    // SAFETY: the number outlives the call and its size is given.
    done(unsafe { SetProcessMitigationPolicy(policy, (&raw const flags).cast(), size_of::<u32>()) })
}

/// The whole process runs when nobody else wants the processor.
pub fn yield_processor() {
    // SAFETY: the handle of the process itself.
    unsafe { SetPriorityClass(GetCurrentProcess(), IDLE_PRIORITY_CLASS) };
}

/// This thread reads from the disk when nobody else does.
pub fn yield_disk() {
    // SAFETY: the handle of the thread itself.
    unsafe { SetThreadPriority(GetCurrentThread(), THREAD_MODE_BACKGROUND_BEGIN) };
}

/// Processor seconds of this process.
pub fn own_time() -> Option<f64> {
    let mut times = [FILETIME::default(); 4];
    let [created, ended, kernel, user] = &mut times;
    // SAFETY: the structures outlive the call.
    done(unsafe { GetProcessTimes(GetCurrentProcess(), &raw mut *created, &raw mut *ended, &raw mut *kernel, &raw mut *user) })
        .ok()?;
    Some(seconds(*kernel) + seconds(*user))
}

/// Busy and all processor seconds of the machine.
pub fn machine_time() -> Option<(f64, f64)> {
    let mut times = [FILETIME::default(); 3];
    let [idle, kernel, user] = &mut times;
    // SAFETY: the structures outlive the call.
    done(unsafe { GetSystemTimes(&raw mut *idle, &raw mut *kernel, &raw mut *user) }).ok()?;
    // What is idle counts as the kernel's.
    let all = seconds(*kernel) + seconds(*user);
    Some((all - seconds(*idle), all))
}

fn seconds(time: FILETIME) -> f64 {
    (u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime)) as f64 / 1e7
}

/// Bytes of physical memory that are free.
pub fn free_memory() -> Option<u64> {
    let mut status = MEMORYSTATUSEX { dwLength: size_of::<MEMORYSTATUSEX>() as u32, ..Default::default() };
    // SAFETY: the structure outlives the call and says its size.
    done(unsafe { GlobalMemoryStatusEx(&raw mut status) }).ok()?;
    Some(status.ullAvailPhys)
}

/// Most bytes of physical memory that this process had.
pub fn peak_memory() -> Option<u64> {
    let size = size_of::<PROCESS_MEMORY_COUNTERS>() as u32;
    let mut counters = PROCESS_MEMORY_COUNTERS { cb: size, ..Default::default() };
    // SAFETY: the structure outlives the call and its size is given.
    done(unsafe { K32GetProcessMemoryInfo(GetCurrentProcess(), &raw mut counters, size) }).ok()?;
    u64::try_from(counters.PeakWorkingSetSize).ok()
}

/// How long the system has been up.
pub fn uptime() -> Duration {
    // SAFETY: no arguments.
    Duration::from_millis(unsafe { GetTickCount64() })
}

/// A text of the local machine's registry.
pub fn registry_text(key: &str, value: &str) -> Option<String> {
    let mut text = [0_u16; 512];
    read_registry(key, value, RRF_RT_REG_SZ, text.as_mut_ptr().cast(), size_of_val(&text))?;
    Some(until_nul(&text))
}

/// A number of the local machine's registry.
pub fn registry_number(key: &str, value: &str) -> Option<u32> {
    let mut number = 0_u32;
    read_registry(key, value, RRF_RT_REG_DWORD, (&raw mut number).cast(), size_of::<u32>())?;
    Some(number)
}

fn read_registry(key: &str, value: &str, kind: u32, to: *mut c_void, size: usize) -> Option<()> {
    let (key, value) = (wide(OsStr::new(key)), wide(OsStr::new(value)));
    let mut size = u32::try_from(size).ok()?;
    // SAFETY: texts end with a NUL; `to` is as long as it is said to be, which both callers see to.
    let refused = unsafe { RegGetValueW(HKEY_LOCAL_MACHINE, key.as_ptr(), value.as_ptr(), kind, null_mut(), to, &raw mut size) };
    (refused == 0).then_some(())
}

static ENDING: OnceLock<Arc<AtomicBool>> = OnceLock::new();
static ASKED: AtomicBool = AtomicBool::new(false);

/// Whether somebody pressed Ctrl-Break since the last time.
pub fn was_asked() -> bool {
    ASKED.swap(false, Ordering::Relaxed)
}

/// Sets `stop` when the console is closed, the user logs off or the system shuts down. The process then has some seconds.
/// Ctrl-Break no longer ends it, see [`was_asked`].
pub fn stop_when_closed(stop: Arc<AtomicBool>) {
    if ENDING.set(stop).is_ok() {
        // SAFETY: the function is there as long as the program is.
        unsafe { SetConsoleCtrlHandler(Some(on_console_event), 1) };
    }
}

unsafe extern "system" fn on_console_event(event: u32) -> i32 {
    if event == CTRL_BREAK_EVENT {
        ASKED.store(true, Ordering::Relaxed);
        return 1;
    }
    // Ctrl-C is another handler's.
    if event < CTRL_CLOSE_EVENT {
        return 0;
    }
    if let Some(stop) = ENDING.get() {
        stop.store(true, Ordering::Relaxed);
    }
    // The system ends the process when this returns; when it doesn't, after five seconds (twenty at shutdown).
    std::thread::sleep(Duration::from_secs(60));
    1
}

/// Writes one event to the application log, as the source `wardround`. `kind`: 1 error, 2 warning, 4 information.
///
/// # Errors
/// As the system says.
pub fn report_event(kind: u16, id: u32, text: &str) -> io::Result<()> {
    use windows_sys::Win32::System::EventLog::{DeregisterEventSource, RegisterEventSourceW, ReportEventW};
    let source = wide(OsStr::new("wardround"));
    let text = wide(OsStr::new(text));
    // SAFETY: texts end with a NUL, one text is said to be there and one is; the source is closed after its last use.
    unsafe {
        let log = RegisterEventSourceW(null(), source.as_ptr());
        if log.is_null() {
            return Err(io::Error::last_os_error());
        }
        let told = done(ReportEventW(log, kind, 0, id, null_mut(), 1, 0, &text.as_ptr(), null()));
        DeregisterEventSource(log);
        told
    }
}

fn handle(file: &File) -> HANDLE {
    file.as_raw_handle()
}

fn done(result: i32) -> io::Result<()> {
    if result == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn wide(text: &OsStr) -> Vec<u16> {
    text.encode_wide().chain([0]).collect()
}

fn until_nul(text: &[u16]) -> String {
    let end = text.iter().position(|unit| *unit == 0).unwrap_or(text.len());
    std::ffi::OsString::from_wide(text.get(..end).unwrap_or(text)).to_string_lossy().into_owned()
}
