// What comes at the end: recovery destroyed, protection and services switched off, traces cleared.

rule Script_Destroys_Recovery {
    meta:
        description = "A script that removes shadow copies and backups"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1490/"
        technique = "T1490"
        score = 75
    strings:
        $vss = /[v]ssadmin(\.exe)?[ \t]+delete[ \t]+shadows[ \t]+\/all/ nocase ascii wide
        $wmic = /[w]mic(\.exe)?[ \t]+shadowcopy[ \t]+delete/ nocase ascii wide
        $bcd = /[b]cdedit(\.exe)?[ \t]+\/set[ \t]+\{?default\}?[ \t]+recoveryenabled[ \t]+no/ nocase ascii wide
        $catalog = /[w]badmin(\.exe)?[ \t]+delete[ \t]+(catalog|systemstatebackup)/ nocase ascii wide
        $resize = /[v]ssadmin(\.exe)?[ \t]+resize[ \t]+shadowstorage[^\r\n]{1,80}401MB/ nocase ascii wide
        $shell = /Win32_ShadowCopy[^\r\n]{0,80}([D]elete\(\)|[R]emove-WmiObject|[R]emove-CimInstance)/ nocase ascii wide
    condition:
        filesize < 256KB and extension != ".yar" and 2 of them
}

rule Script_Clears_Event_Logs {
    meta:
        description = "A script clears the event logs of Windows"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1070/001/"
        technique = "T1070.001"
        score = 65
    strings:
        $one = /[w]evtutil(\.exe)?\x22?[ \t]+(cl|clear-log)[ \t]+\x22?(system|security|application|windows powershell)/ nocase ascii wide
        $all = /[w]evtutil(\.exe)?\x22?[ \t]+el\b[^\r\n]{0,80}[w]evtutil(\.exe)?\x22?[ \t]+cl\b/ nocase ascii wide
        $shell = /[C]lear-EventLog\b[^\r\n]{0,60}(Security|System)\b/ nocase ascii wide
    condition:
        filesize < 256KB and (#one > 2 or $all or #shell > 1)
}

rule Script_Switches_Defender_Off {
    meta:
        description = "A script switches Microsoft Defender off in several ways"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1562/001/"
        technique = "T1562.001"
        score = 70
    strings:
        $pref = /[S]et-MpPreference[ \t]+[^\r\n]{0,80}-Disable(RealtimeMonitoring|IOAVProtection|BehaviorMonitoring|ScriptScanning|BlockAtFirstSeen|ArchiveScanning)[ \t]+(\$?true|1)/ nocase ascii wide
        $reg = /[D]isableAntiSpyware\x22?[ \t]+[^\r\n]{0,40}\/d[ \t]+\x22?1|[D]isableRealtimeMonitoring\x22?[ \t]+[^\r\n]{0,40}\/d[ \t]+\x22?1/ nocase ascii wide
        $exclude = /[A]dd-MpPreference[ \t]+[^\r\n]{0,40}-ExclusionPath[ \t]+['\x22]?[A-Z]:\\['\x22]?[ \t\r\n;]/ nocase ascii wide
        $service = /\bsc(\.exe)?[ \t]+(stop|delete|config)[ \t]+[W]in[dD]efend\b/ nocase ascii wide
        $remove = /[U]ninstall-WindowsFeature[ \t]+[^\r\n]{0,40}Windows-Defender|[M]pCmdRun(\.exe)?\x22?[ \t]+-RemoveDefinitions/ nocase ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Script_Stops_Backup_And_Databases {
    meta:
        description = "A script stops or disables services of backup, security and databases one after another"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1489/"
        technique = "T1489"
        score = 75
    strings:
        $stop = /([n]et1?(\.exe)?\x22?[ \t]+stop|\bsc(\.exe)?[ \t]+(stop|delete|config)|[t]askkill(\.exe)?\x22?[ \t]+[^\r\n]{0,40}\/im|[S]top-Service)[ \t]+[^\r\n]{0,40}(veeam|acronis|backupexec|sophos|mssql|sqlserver|sqlwriter|sqlagent|sqlbrowser|vss\b|mysql|oracle|msexchange|qbidp|quickbooks|mcafee|sentinel|cylance|crowdstrike|csfalcon|wrsa|ekrn|symantec|sntp|shadowprotect|datto|storagecraft|mirth|postgres)/ nocase ascii wide
    condition:
        filesize < 256KB and #stop > 7
}

rule Script_Safe_Mode_Restart {
    meta:
        description = "A script restarts Windows in safe mode, where protection does not run"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1562/009/"
        technique = "T1562.009"
        score = 70
    strings:
        $boot = /[b]cdedit(\.exe)?\x22?[ \t]+\/set[ \t]+[^\r\n]{0,20}safeboot[ \t]+(network|minimal)/ nocase ascii wide
        $restart = /[s]hutdown(\.exe)?\x22?[ \t]+[^\r\n]{0,20}[\/-]r\b|[R]estart-Computer\b/ nocase ascii wide
        $run = /\\SafeBoot\\(Network|Minimal)\\|\\RunOnce\b|[A]utoAdminLogon/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}

rule Vulnerable_Driver_Service {
    meta:
        description = "A driver that is known to be misused against protection programs is installed as a service"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.loldrivers.io/"
        technique = "T1068"
        score = 75
    strings:
        $line = /\bsc(\.exe)?[ \t]+[c]reate[ \t]+\S{1,64}[ \t]+[^\r\n]{0,80}binpath=[ \t]*[^\r\n]{0,200}(zamguard64|zam64|procexp152|rtcore64|gdrv|dbutil_2_3|mhyprot2?|aswarpot|truesight|rentdrv2|wsftprm|iqvw64e|rwdrv|hlpdrv|ksapi64|poisonx|throttleblood|msio64)\.sys/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule Esxi_Machines_Killed {
    meta:
        description = "A script stops all virtual machines of an ESXi host and removes their snapshots"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa24-131a"
        technique = "T1489"
        score = 70
    strings:
        $kill = /[e]sxcli[ \t]+vm[ \t]+process[ \t]+kill\b[^\r\n]{0,60}(--type|-t)[ =]\x22?(force|hard)/ nocase ascii wide
        $list = /[e]sxcli[ \t]+[^\r\n]{0,40}vm[ \t]+process[ \t]+list/ nocase ascii wide
        $snap = /[v]im-cmd[ \t]+vmsvc\/(snapshot\.removeall|power\.off)/ nocase ascii wide
        $all = /[v]im-cmd[ \t]+vmsvc\/getallvms/ nocase ascii wide
        $loop = /\b(for|while|xargs|awk)\b/ ascii wide
    condition:
        filesize < 256KB and $loop and ($kill or $snap) and ($list or $all)
}
