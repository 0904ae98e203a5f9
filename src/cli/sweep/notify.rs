//! One line for the system's log: counts and digests, no paths.

use crate::report::{CoverageVerdict, Report};

/// The line of RFC 5424, facility daemon.
pub fn line(report: &Report, report_sha256: &str, exit: u8) -> String {
    const DAEMON: u8 = 3;
    let n = report.levels();
    let severity = match () {
        () if n.alert > 0 => 1,
        () if n.warning > 0 => 4,
        () if n.notice > 0 => 5,
        () if exit != 0 => 4,
        () => 6,
    };
    let verdict = match report.coverage.verdict {
        CoverageVerdict::Complete => "complete",
        CoverageVerdict::Incomplete => "incomplete",
    };
    let host: String = report.host.name.chars().filter(char::is_ascii_graphic).take(255).collect();
    let host = if host.is_empty() { "-".to_owned() } else { host };
    format!(
        "<{}>1 {} {host} wardround {} sweep - run={} alert={} warning={} notice={} info={} coverage={verdict} interrupted={} \
         exit={exit} report_sha256={report_sha256}",
        DAEMON * 8 + severity,
        report.run.finished,
        std::process::id(),
        report.run.id,
        n.alert,
        n.warning,
        n.notice,
        n.info,
        if report.run.interrupted { "yes" } else { "no" },
    )
}

/// Hands a line to the system's log.
///
/// # Errors
/// In one sentence.
#[cfg(unix)]
pub fn send(notify: &str, line: &str) -> Result<(), String> {
    let socket = notify.strip_prefix("syslog:").unwrap_or("/dev/log");
    let sent = std::os::unix::net::UnixDatagram::unbound().and_then(|s| s.send_to(line.as_bytes(), socket));
    let shown = || crate::model::text::escape(socket.as_bytes());
    sent.map(|_| ()).map_err(|e| format!("the system's log at {} took no line ({e}): the case itself is complete", shown()))
}

/// One event in the application log, from the source `wardround`.
///
/// # Errors
/// In one sentence.
#[cfg(windows)]
pub fn send(_: &str, line: &str) -> Result<(), String> {
    // What stands before the dash is of syslog alone.
    let (head, text) = line.split_once(" - ").unwrap_or(("<6>", line));
    let severity: u8 = head.trim_start_matches('<').split('>').next().and_then(|n| n.parse().ok()).map_or(6, |n: u8| n % 8);
    // Error, warning, information; the number of the event is the severity, so that monitoring can tell without reading.
    let kind = match severity {
        0..=3 => 1,
        4 | 5 => 2,
        _ => 4,
    };
    crate::sys::windows::report_event(kind, 100 + u32::from(severity), text)
        .map_err(|e| format!("the application log took no event ({e}): the case itself is complete"))
}

#[cfg(not(any(unix, windows)))]
pub fn send(_: &str, _: &str) -> Result<(), String> {
    Err("there is no log on this system: read the exit code in the task's history, or the report".to_owned())
}
