// Moving from host to host.
//
// Text patterns are written as hex or with a character class, so that neither this file nor a program
// that carries it matches its own rules.

rule PsExec_Renamed {
    meta:
        description = "the remote execution tool PsExec under another name"
        author = "wardround"
        score = 65
        reference = "https://attack.mitre.org/software/S0029/"
        technique = "T1036.003"
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
        description = "command lines of a remote shell that returns its output through the ADMIN share"
        author = "wardround"
        score = 75
        reference = "https://attack.mitre.org/software/S0357/"
        technique = "T1047"
    strings:
        $command = /[c]md\.exe \/Q \/c [^\r\n]{1,300}1> \\\\127\.0\.0\.1\\(ADMIN|C)\$\\__[0-9]{8,}/ nocase ascii wide
    condition:
        $command
}
