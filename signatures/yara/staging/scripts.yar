// Scripts that survey a network and gather files.

rule Discovery_Batch {
    meta:
        description = "A script asks for domain, trusts, administrators and system at once"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1087/002/"
        technique = "T1087.002"
        score = 65
    strings:
        $trust = /[n]ltest(\.exe)?\x22?[ \t]+[^\r\n]{0,40}\/(domain_trusts|dclist)/ nocase ascii wide
        $admins = /\b[n]et1?(\.exe)?\x22?[ \t]+group[ \t]+\x22?(domain|enterprise) admins\x22?[ \t]+\/domain?/ nocase ascii wide
        $local = /\b[n]et1?(\.exe)?\x22?[ \t]+localgroup[ \t]+\x22?administrators/ nocase ascii wide
        $view = /\b[n]et1?(\.exe)?\x22?[ \t]+view[ \t]+\/(all|domain)/ nocase ascii wide
        $who = /\b[w]hoami(\.exe)?\x22?[ \t]+\/(all|groups|priv)/ nocase ascii wide
        $system = /[\r\n &|][s]ysteminfo[ \t\r\n>|&]/ nocase ascii wide
        $ip = /\b[i]pconfig(\.exe)?\x22?[ \t]+\/all/ nocase ascii wide
    condition:
        filesize < 256KB and ($trust or $admins) and 4 of them
}

rule Share_Finder_Run {
    meta:
        description = "A PowerShell survey of shares that can be read is run"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1135/"
        technique = "T1135"
        score = 70
    strings:
        $call = /\b([I]nvoke-ShareFinder|[F]ind-DomainShare|[I]nvoke-FileFinder|[F]ind-InterestingDomainShareFile)[ \t]+[^\r\n]{0,80}(-CheckShareAccess|-CheckAccess|-Verbose|-Include|-Terms|\|[ \t]*Out-File|>)/ nocase ascii wide
    condition:
        filesize < 1MB and $call
}

rule Robocopy_Shares_To_Staging {
    meta:
        description = "Robocopy takes documents of a share into a folder where nobody keeps documents"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1074/001/"
        technique = "T1074.001"
        score = 65
    strings:
        $line = /[r]obocopy(\.exe)?\x22?[ \t]+\x22?\\\\[A-Za-z0-9._-]{1,63}\\[^\s\x22]{1,160}\x22?[ \t]+\x22?[A-Z]:\\([^\s\x22\\]{1,40}\\)?(PerfLogs|Users\\Public|Windows\\(Temp|Debug|Tasks|Tracing)|ProgramData|Intel|AMD|\$Recycle\.Bin)\\/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule Copy_Documents_Loop {
    meta:
        description = "A loop copies documents of many types into one folder"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1119/"
        technique = "T1119"
        score = 60
    strings:
        $loop = /\bfor[ \t]+\/r[ \t][^\r\n]{0,120}\*\.(docx?|xlsx?|pdf|pst|mdb|csv|txt)\b[^\r\n]{0,60}\*\.(docx?|xlsx?|pdf|pst|mdb|csv|txt)\b[^\r\n]{0,120}\bdo\b[^\r\n]{0,40}[c]opy[ \t]+/ nocase ascii wide
    condition:
        filesize < 256KB and $loop
}

rule PowerShell_Collect_Recent_Documents {
    meta:
        description = "PowerShell gathers recent documents of users or shares by type"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1119/"
        technique = "T1119"
        score = 60
    strings:
        $types = /-[I]nclude[ \t]+[^\r\n]{0,40}\*\.(docx?|xlsx?|pdf|pst|csv|mdb)\b[^\r\n]{0,40}\*\.(docx?|xlsx?|pdf|pst|csv|mdb)\b/ nocase ascii wide
        $recent = /[L]astWriteTime[ \t]+-g[te]\b/ nocase ascii wide
        $take = /[C]opy-Item\b|[C]ompress-Archive\b|Add\(\$/ nocase ascii wide
        $where = /(\\\\[A-Za-z0-9._-]{1,63}\\|[A-Z]:\\Users\b|Get-PSDrive|Win32_LogicalDisk)/ nocase ascii wide
    condition:
        filesize < 128KB and all of them
}

rule Share_Listing_Command {
    meta:
        description = "A command writes a list of all files of a share into a folder where nobody keeps lists"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1083/"
        technique = "T1083"
        score = 60
    strings:
        $line = /\bdir[ \t]+(\/[a-z:-]{1,6}[ \t]+){0,4}\x22?\\\\[A-Za-z0-9._-]{1,63}\\[^\r\n]{0,160}>{1,2}[ \t]*\x22?[A-Z]:\\([^\s\x22\\]{1,40}\\)?(PerfLogs|Users\\Public|Windows\\(Temp|Debug|Tasks|Tracing)|ProgramData|Intel|AMD|\$Recycle\.Bin)\\/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule Shadow_Copy_Mounted_For_Copy {
    meta:
        description = "A shadow copy is mounted and mail stores or databases are copied out of it"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1006/"
        technique = "T1006"
        score = 65
    strings:
        $mount = /[m]klink[ \t]+\/d[ \t][^\r\n]{0,80}\\\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy/ nocase ascii wide
        $copy = /([r]obocopy|[x]?copy)(\.exe)?[ \t][^\r\n]{0,160}\*?\.(mdf|ldf|edb|pst|bak|dit|fdb|cache\.dat)\b/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}

rule Mailbox_Export_Loop {
    meta:
        description = "Mailboxes are exported to files and the requests are removed"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1114/002/"
        technique = "T1114.002"
        score = 65
    strings:
        $export = /[N]ew-MailboxExportRequest\b[^\r\n]{0,200}-FilePath\b/ nocase ascii wide
        $remove = /[R]emove-MailboxExportRequest\b/ nocase ascii wide
        $loop = /\|[ \t]*(%|foreach(-object)?)[ \t]*\{|foreach[ \t]*\(/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}

rule Usn_And_Free_Space_Wiped {
    meta:
        description = "Traces of removed files are removed too"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1070/004/"
        technique = "T1070.004"
        score = 70
    strings:
        $cipher = /\b[c]ipher(\.exe)?\x22?[ \t]+\/w:/ nocase ascii wide
        $usn = /[f]sutil(\.exe)?\x22?[ \t]+usn[ \t]+deletejournal/ nocase ascii wide
        $sdelete = /[s]delete(64)?(\.exe)?\x22?[ \t]+[^\r\n]{0,40}-(z|c|p)\b/ nocase ascii wide
    condition:
        filesize < 256KB and 2 of them
}
