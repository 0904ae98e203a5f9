// Stolen credentials and what steals them.
//
// Text patterns are written as hex or with a character class, so that neither this file nor a program
// that carries it matches its own rules.

rule Mimikatz_Program {
    meta:
        description = "strings of the credential stealer Mimikatz in a program"
        author = "wardround"
        score = 90
        reference = "https://attack.mitre.org/software/S0002/"
        technique = "T1003.001"
    strings:
        $author = { 67 00 65 00 6E 00 74 00 69 00 6C 00 6B 00 69 00 77 00 69 00 20 00 28 00 42 00 65 00 6E 00 6A 00 61 00 6D 00 69 00 6E 00 20 00 44 00 45 00 4C 00 50 00 59 00 29 00 }
        $prompt = { 6D 00 69 00 6D 00 69 00 6B 00 61 00 74 00 7A 00 20 00 23 00 20 00 }
        $sekurlsa = { 73 00 65 00 6B 00 75 00 72 00 6C 00 73 00 61 00 }
        $lsadump = { 6C 00 73 00 61 00 64 00 75 00 6D 00 70 00 }
        $kerberos = { 6B 00 75 00 68 00 6C 00 5F 00 6D 00 5F 00 73 00 65 00 6B 00 75 00 72 00 6C 00 73 00 61 00 }
        $driver = { 6D 00 69 00 6D 00 69 00 64 00 72 00 76 00 2E 00 73 00 79 00 73 00 }
        $url = { 62 6C 6F 67 2E 67 65 6E 74 69 6C 6B 69 77 69 2E 63 6F 6D 2F 6D 69 6D 69 6B 61 74 7A }
    condition:
        uint16(0) == 0x5a4d and filesize < 32MB and 3 of them
}

rule Mimikatz_Result {
    meta:
        description = "credentials as Mimikatz prints them"
        author = "wardround"
        score = 90
        reference = "https://attack.mitre.org/software/S0002/"
        technique = "T1003.001"
    strings:
        $session = { 41 75 74 68 65 6E 74 69 63 61 74 69 6F 6E 20 49 64 20 3A 20 30 20 3B 20 }
        $session_w = { 41 00 75 00 74 00 68 00 65 00 6E 00 74 00 69 00 63 00 61 00 74 00 69 00 6F 00 6E 00 20 00 49 00 64 00 20 00 3A 00 20 00 30 00 20 00 3B 00 20 00 }
        $ntlm = /\* [N]TLM[ ]{5}: [0-9a-f]{32}/ ascii wide
        $package = /[\r\n\x00\t](msv|wdigest|kerberos|ssp|credman) :\x00?[ \t]?/ ascii wide
    condition:
        filesize < 64MB and any of ($session*) and $ntlm and $package
}

rule Lsass_Memory_Dump {
    meta:
        description = "memory dump of LSASS, which holds credentials"
        author = "wardround"
        score = 85
        reference = "https://attack.mitre.org/techniques/T1003/001/"
        technique = "T1003.001"
    strings:
        $lsass = /\\\x00l\x00s\x00a\x00s\x00s\x00\.\x00e\x00x\x00e\x00/ nocase
        $lsasrv = /\\\x00l\x00s\x00a\x00s\x00r\x00v\x00\.\x00d\x00l\x00l\x00/ nocase
    condition:
        uint32(0) == 0x504d444d and $lsasrv and $lsass
}

rule Password_Hash_Dump {
    meta:
        description = "password hashes of Windows accounts as dump tools print them"
        author = "wardround"
        score = 80
        reference = "https://attack.mitre.org/techniques/T1003/003/"
        technique = "T1003.003"
    strings:
        $line = /[\r\n][^\s:]{1,128}:[0-9]{3,7}:[0-9a-f]{32}:[0-9a-f]{32}:::/ nocase
    condition:
        filesize < 256MB and #line > 1
}
