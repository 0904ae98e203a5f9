// Moving from host to host.

rule PsExec_Renamed {
    meta:
        description = "The remote execution tool PsExec under another name"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0029/"
        technique = "T1036.003"
        score = 65
    strings:
        $name = { 53 00 79 00 73 00 69 00 6E 00 74 00 65 00 72 00 6E 00 61 00 6C 00 73 00 20 00 50 00 73 00 45 00 78 00 65 00 63 00 }
        $service = { 50 00 53 00 45 00 58 00 45 00 53 00 56 00 43 00 }
        $eula = { 53 00 6F 00 66 00 74 00 77 00 61 00 72 00 65 00 5C 00 53 00 79 00 73 00 69 00 6E 00 74 00 65 00 72 00 6E 00 61 00 6C 00 73 00 }
    condition:
        uint16(0) == 0x5a4d and filesize < 4MB and ($name or $eula) and $service
        and filename != "" and not filename icontains "psexe"
}

rule Remote_Shell_Over_Admin_Share {
    meta:
        description = "Command lines of a remote shell that returns its output through the ADMIN share"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0357/"
        technique = "T1047"
        score = 75
    strings:
        $command = /[c]md\.exe \/Q \/c [^\r\n]{1,300}1> \\\\127\.0\.0\.1\\(ADMIN|C)\$\\__[0-9]{8,}/ nocase ascii wide
    condition:
        $command
}

rule PsExec_Many_Hosts {
    meta:
        description = "PsExec copies and runs a program on a list of hosts"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0029/"
        technique = "T1569.002"
        score = 70
    strings:
        $line = /[p]sexec(64)?(\.exe)?\x22?[ \t]+[^\r\n]{0,80}@[^\s\x22]{1,120}\.txt[ \t][^\r\n]{0,160}[ \t]-(c|d|s|h)[ \t]/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule Wmic_Remote_Process {
    meta:
        description = "WMI starts a command on another host"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1047/"
        technique = "T1047"
        score = 65
    strings:
        $line = /\b[w]mic(\.exe)?\x22?[ \t]+[^\r\n]{0,80}\/node:[ \t]*['\x22@]?\S{1,120}[^\r\n]{0,120}process[ \t]+call[ \t]+create[ \t]+\S/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule Copy_To_Many_Hosts {
    meta:
        description = "A loop copies a program into the administrative share of every host of a list"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1570/"
        technique = "T1570"
        score = 70
    strings:
        $line = /\bfor[ \t]+\/f\b[^\r\n]{0,120}\bdo\b[^\r\n]{0,60}\b(x|robo)?[c]opy(\.exe)?[ \t][^\r\n]{0,160}\\\\%%?[a-z]%?\\(c|admin)\$\\/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule Remote_Service_Created {
    meta:
        description = "A service that runs a command is created on another host"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1569/002/"
        technique = "T1569.002"
        score = 65
    strings:
        $line = /\bsc(\.exe)?[ \t]+\\\\[^\s\\]{1,64}[ \t]+[c]reate[ \t]+\S{1,64}[ \t]+[^\r\n]{0,40}binpath=[ \t]*\x22?[^\r\n]{0,20}(cmd|%comspec%|powershell|rundll32)/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule Remote_Task_Created {
    meta:
        description = "A scheduled task is created on another host with a password in the command line"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1053/005/"
        technique = "T1053.005"
        score = 60
    strings:
        $line = /[s]chtasks(\.exe)?\x22?[ \t]+\/create[ \t][^\r\n]{0,160}\/s[ \t]+\S{1,64}[ \t][^\r\n]{0,240}\/ru[ \t]+\x22?(SYSTEM|NT AUTHORITY)/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule Impacket_Session_Log {
    meta:
        description = "Log of a session of Impacket's remote execution tools"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0357/"
        technique = "T1021.002"
        score = 80
    strings:
        $banner = /[I]mpacket v[0-9.a-z+_-]{3,40} - Copyright/ ascii wide
        $shell = /\[!\] [L]aunching semi-interactive shell/ ascii wide
        $shares = /\[\*\] [R]equesting shares on \S+\.{3,}/ ascii wide
        $upload = /\[\*\] [U]ploading file \S{4,}\.exe/ ascii wide
        $dialect = /\[\*\] SMBv[0-9.]{1,5} dialect used/ ascii wide
    condition:
        filesize < 64MB and $banner and any of ($shell, $shares, $upload, $dialect)
}

rule Pass_The_Hash_Command {
    meta:
        description = "A remote execution tool is called with a password hash instead of a password"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1550/002/"
        technique = "T1550.002"
        score = 75
    strings:
        $line = /\b([e]vil-winrm|[w]miexec|[p]sexec\.py|[s]mbexec|[a]texec|[s]ecretsdump|[c]rackmapexec|[n]etexec|nxc|cme|[x]freerdp|[s]mbclient)(\.py|\.exe)?[ \t][^\r\n]{0,160}(-hashes|-H|\/pth:)[ \t]?(([0-9a-f]{32})?:)?[0-9a-f]{32}\b/ nocase ascii wide
    condition:
        filesize < 1MB and $line
}

rule Rdp_Session_Taken_Over {
    meta:
        description = "The session of another person is taken over by a service"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1563/002/"
        technique = "T1563.002"
        score = 75
    strings:
        $line = /\bsc(\.exe)?[ \t]+create[ \t]+\S{1,64}[ \t]+[^\r\n]{0,40}[t]scon(\.exe)?\x22?[ \t]+[0-9]{1,4}[ \t]+\/dest:/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule Policy_Task_Runs_Program_From_Domain_Share {
    meta:
        description = "A Group Policy preference runs a program of the domain share on all hosts at once"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1484/001/"
        technique = "T1484.001"
        score = 70
    strings:
        $task = /<[I]mmediateTask(V2)?[ \t]/ ascii wide
        $system = /runAs=\x22(NT AUTHORITY\\System|S-1-5-18)\x22|<UserId>(NT AUTHORITY\\System|S-1-5-18)<\/UserId>/ nocase ascii wide
        $share = /<(Command|Arguments)>[^<]{0,200}\\(sysvol|netlogon)\\[^<]{1,160}\.(exe|dll|bat|ps1|cmd)/ nocase ascii wide
    condition:
        filesize < 1MB and all of them
}

rule Winrm_Many_Hosts {
    meta:
        description = "PowerShell runs a block on a list of hosts and copies a program there"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1021/006/"
        technique = "T1021.006"
        score = 55
    strings:
        $hosts = /[I]nvoke-Command\b[^\r\n]{0,160}-ComputerName[ \t]+[^\r\n]{0,20}(Get-Content\b|\$[a-z]{1,20})/ nocase ascii wide
        $copy = /[C]opy-Item\b[^\r\n]{0,160}\\\\\$[^\\\s]{1,24}\\(c|admin)\$\\[^\r\n]{0,80}/ nocase ascii wide
        $program = /\.(exe|dll|bat)['\x22 ]/ nocase ascii wide
    condition:
        filesize < 128KB and all of them
}
