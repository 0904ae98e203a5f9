// Command lines and scripts that fetch or start the next program.

rule PowerShell_Hidden_Download_Run {
    meta:
        description = "PowerShell without a window runs what it downloads"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1059/001/"
        technique = "T1059.001"
        score = 70
    strings:
        $hidden = /[p]owershell(\.exe)?\x22?[ \t]+[^\r\n]{0,160}-w(in(dowstyle)?)?[ \t]+(hidden|1)\b/ nocase ascii wide
        $run = /(\bIEX\b|[I]nvoke-Expression)[ \t(][^\r\n]{0,80}[D]ownloadString[ \t]*\(/ nocase ascii wide
        $run2 = /[D]ownloadString[ \t]*\([^\r\n]{0,200}\|[ \t]*(IEX\b|[I]nvoke-Expression)/ nocase ascii wide
    condition:
        filesize < 1MB and $hidden and any of ($run*)
}

rule PowerShell_Memory_Stream_Loader {
    meta:
        description = "Encoded PowerShell that unpacks its program in memory, as Cobalt Strike writes it"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0154/"
        technique = "T1059.001"
        score = 85
    strings:
        $encoded = /[J]ABzAD0ATgBlAHcALQBPAGIAagBlAGMAdAAgAEkATwAuAE0AZQBtAG8AcgB5AFMAdAByAGUAYQBtACgA/ ascii wide
        $plain = /\$s[ ]?=[ ]?[N]ew-Object IO\.MemoryStream\(,\[Convert\]::FromBase64String\(/ nocase ascii wide
        $gzip = /[I]EX[ \t(]{1,4}New-Object IO\.StreamReader\(New-Object IO\.Compression\.GzipStream\(\$s/ nocase ascii wide
    condition:
        filesize < 4MB and ($encoded or ($plain and $gzip))
}

rule Mshta_Or_Regsvr_Remote_Script {
    meta:
        description = "A system program runs a script straight from the network"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1218/"
        technique = "T1218"
        score = 65
    strings:
        $mshta = /\b[m]shta(\.exe)?\x22?[ \t]+\x22?(https?:\/\/|vbscript:Execute|javascript:)/ nocase ascii wide
        $regsvr = /\b[r]egsvr32(\.exe)?\x22?[ \t]+[^\r\n]{0,60}\/i:https?:\/\/[^\r\n]{0,120}scrobj/ nocase ascii wide
        $start = /(schtasks|\breg(\.exe)?\x22?[ \t]+add|cmd(\.exe)?\x22?[ \t]+\/c|WScript\.Shell|\bstart[ \t]+)/ nocase ascii wide
    condition:
        filesize < 256KB and ($mshta or $regsvr) and $start
}

rule Certutil_Fetches_Program {
    meta:
        description = "Certutil fetches a program or archive from an address without a name"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1105/"
        technique = "T1105"
        score = 65
    strings:
        $line = /[c]ertutil(\.exe)?\x22?[ \t]+[^\r\n]{0,60}-urlcache[ \t][^\r\n]{0,60}https?:\/\/[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}[:\/][^\r\n]{0,120}\.(exe|dll|zip|7z|rar|msi|ps1|bat|txt|dat)\b/ nocase ascii wide
    condition:
        filesize < 1MB and $line
}
