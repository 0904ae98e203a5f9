// Archivers out of place: command lines that pack what somebody means to take.

rule Script_Archive_Hidden_Names {
    meta:
        description = "Commands that pack folders into archives with a password that hides the names"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1560/001/"
        technique = "T1560.001"
        score = 60
    strings:
        $rar = /[r]ar(\.exe)?\x22?[ \t]+a[ \t][^\r\n]{0,160}-hp[^\s\x22]{3,}/ nocase ascii wide
        $seven = /7z[ar]?(\.exe)?\x22?[ \t]+a[ \t][^\r\n]{0,160}-p[^\s]{3,}[^\r\n]{0,160}-[m]he(=on)?\b/ nocase ascii wide
        $place = /[A-Z]:\\|\\\\[A-Za-z0-9._-]+\\/ nocase ascii wide
    condition:
        filesize < 64KB and $place and ($rar or $seven)
}

rule Archive_Command_Split_Stored_Dated {
    meta:
        description = "WinRAR stores without compression, splits, and takes only files of some age"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://github.com/BushidoUK/Ransomware-Tool-Matrix"
        technique = "T1560.001"
        score = 70
    strings:
        $rar = /[r]ar(\.exe)?\x22?[ \t]+a[ \t][^\r\n]{0,300}/ nocase ascii wide
        $split = /[ \t]-[v][0-9]+[kmgb]?[ \t]/ nocase ascii wide
        $store = /[ \t]-[m]0[ \t]/ nocase ascii wide
        $age = /[ \t]-t[an](c|m|o)?[0-9]{1,14}[dhms]?[ \t]/ nocase ascii wide
    condition:
        filesize < 64KB and all of them
}

rule Archive_Command_Many_Exclusions {
    meta:
        description = "An archiver takes whole folders but leaves out many file types by name"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://github.com/BushidoUK/Ransomware-Tool-Matrix"
        technique = "T1560.001"
        score = 60
    strings:
        $pack = /([r]ar|7z[ar]?)(\.exe)?\x22?[ \t]+a[ \t]/ nocase ascii wide
        $out = /[ \t]-x[r!]{0,2}\x22?\*\.[a-z0-9]{2,5}\b/ nocase ascii wide
        $place = /([A-Z]:\\|\\\\[A-Za-z0-9._-]{1,63}\\)/ ascii wide
    condition:
        filesize < 64KB and $pack and $place and #out > 7
}

rule Archive_Command_Document_Globs {
    meta:
        description = "An archiver gathers many sorts of documents by their extensions"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1560/001/"
        technique = "T1560.001"
        score = 60
    strings:
        $line = /([r]ar|7z[ar]?)(\.exe)?\x22?[ \t]+a[ \t][^\r\n]{0,160}\*\.(docx?|xlsx?|pdf|pst|mdb|csv|pptx?|rtf|txt)\b[^\r\n]{0,80}\*\.(docx?|xlsx?|pdf|pst|mdb|csv|pptx?|rtf|txt)\b[^\r\n]{0,80}\*\.(docx?|xlsx?|pdf|pst|mdb|csv|pptx?|rtf|txt)\b[^\r\n]{0,80}\*\.(docx?|xlsx?|pdf|pst|mdb|csv|pptx?|rtf|txt)\b/ nocase ascii wide
    condition:
        filesize < 64KB and $line
}

rule Archive_Command_Several_Shares {
    meta:
        description = "An archiver packs shares of more than one place into one archive"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa24-109a"
        technique = "T1560.001"
        score = 60
    strings:
        $line = /([r]ar|7z[ar]?)(\.exe)?\x22?[ \t]+a[ \t][^\r\n]{0,200}\\\\[A-Za-z0-9._-]{1,63}\\[^\s\x22]{1,80}\x22?[ \t]+\x22?\\\\[A-Za-z0-9._-]{1,63}\\[^\s\x22]{1,80}/ nocase ascii wide
    condition:
        filesize < 64KB and $line
}

rule Archive_Command_Into_System_Folder {
    meta:
        description = "An archive with a password is written into a folder where nobody keeps archives"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1074/001/"
        technique = "T1074.001"
        score = 70
    strings:
        $line = /([r]ar|7z[ar]?)(\.exe)?\x22?[ \t]+a[ \t][^\r\n]{0,200}(PerfLogs|Users\\Public|Windows\\(Temp|Debug|Tasks|Tracing)|ProgramData|Intel|AMD|\$Recycle\.Bin)\\([^\s\x22\\]{1,40}\\){0,2}[^\s\x22\\]{1,40}\.(rar|7z|zip|dat|log|tmp|jpg)/ nocase ascii wide
        $pass = /[ \t]-h?p[^\s-]\S{2,}/ ascii wide
    condition:
        filesize < 64KB and all of them
}

rule Archive_Command_Renamed_Tool {
    meta:
        description = "A program of another name is called with the switches of an archiver that hides names"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/groups/G0114/"
        technique = "T1036.003"
        score = 70
    strings:
        $any = /\b[a-z0-9_]{2,24}\.(exe|tmp|ms|dat)\x22?[ \t]+a[ \t]+(-[a-z0-9]{1,12}[ \t]+){0,8}-hp[^\s\x22]{3,}/ nocase ascii wide
        $known = /([r]ar|[7]z[ar]?)\.exe\x22?[ \t]+a[ \t]+(-[a-z0-9]{1,12}[ \t]+){0,8}-hp[^\s\x22]{3,}/ nocase ascii wide
    condition:
        filesize < 64KB and #any > #known
}

rule Makecab_List_Of_Documents {
    meta:
        description = "A cabinet directive file that gathers documents of users or shares"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://learn.microsoft.com/en-us/windows-server/administration/windows-commands/makecab"
        technique = "T1560.001"
        score = 55
    strings:
        $set = /(^|[\r\n])\.[S]et[ \t]+(Cabinet|CabinetNameTemplate|DiskDirectoryTemplate|MaxDiskSize)/ nocase ascii wide
        $file = /[\r\n]\x22?(\\\\[A-Za-z0-9._-]{1,63}\\|[A-Z]:\\Users\\)[^\r\n]{1,240}\.(docx?|xlsx?|pdf|pst|mdb|csv|tiff?|dcm|txt)\b/ nocase ascii wide
    condition:
        filesize < 4MB and $set and #file > 4
}

rule Archiver_Log_Of_Shares {
    meta:
        description = "Output of an archiver that packed many files of shares or whole drives"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1560/001/"
        technique = "T1560.001"
        score = 45
    strings:
        $made = /[C]reating archive:? [^\r\n]{0,160}\.(rar|7z|zip)/ nocase ascii wide
        $add = /[\r\n]([A]dding|\+)[ \t]+(\\\\[A-Za-z0-9._-]{1,63}\\|[A-Z]:\\)[^\r\n]{1,240}/ nocase ascii wide
    condition:
        filesize < 64MB and $made and #add > 20
}

rule Archive_PowerShell_Hidden_Names {
    meta:
        description = "PowerShell packs into a 7-Zip archive whose names are hidden"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://github.com/thoemmi/7Zip4Powershell"
        technique = "T1560.001"
        score = 55
    strings:
        $pack = /[C]ompress-7Zip[ \t][^\r\n]{0,300}-EncryptFilenames\b/ nocase ascii wide
    condition:
        filesize < 256KB and $pack
}

rule Archive_Stream_Encrypted_Away {
    meta:
        description = "Tar is encrypted on the fly and sent to another host"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1560/001/"
        technique = "T1560.001"
        score = 65
    strings:
        $line = /\b[t]ar[ \t]+-?[a-z]{0,6}c[a-z]{0,6}[ \t][^\r\n]{0,160}\|[ \t]*(openssl[ \t]+enc|gpg[ \t]+[^\r\n]{0,40}(-c|--symmetric))[^\r\n]{0,160}\|[ \t]*(nc|ncat|curl|ssh|socat)[ \t]/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule Archive_Zip_Password_Split {
    meta:
        description = "Zip with a password in the command line, cut into parts"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1560/001/"
        technique = "T1560.001"
        score = 60
    strings:
        $line = /\bzip[ \t]+(-[a-z0-9]+[ \t]+){0,5}-P[ \t]?\S{3,}[ \t][^\r\n]{0,80}-s[ \t]?[0-9]{1,5}[kmg][ \t]/ ascii wide
    condition:
        filesize < 256KB and $line
}
