// Web pages that run what they are sent.
//
// Text patterns are written as hex or with a character class, so that neither this file nor a program
// that carries it matches its own rules.

rule Webshell_PHP_Request_Run {
    meta:
        description = "a PHP page that runs what the request holds"
        author = "wardround"
        score = 75
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        technique = "T1505.003"
    strings:
        $php = { 3C 3F 70 68 70 }
        $short = { 3C 3F 3D }
        $run = /\b([e]val|[a]ssert|[s]ystem|[s]hell_exec|[p]assthru|[p]open)[ \t]*\([ \t]*@?(base64_decode[ \t]*\([ \t]*|gzinflate[ \t]*\([ \t]*|str_rot13[ \t]*\([ \t]*|stripslashes[ \t]*\([ \t]*)*\$_(POST|GET|REQUEST|COOKIE)[ \t]*\[/ nocase
    condition:
        filesize < 64KB and ($php or $short) and $run
}

rule Webshell_ASPX_Eval {
    meta:
        description = "an ASPX page of one line that runs what the request holds (China Chopper)"
        author = "wardround"
        score = 90
        reference = "https://attack.mitre.org/software/S0020/"
        technique = "T1505.003"
    strings:
        $eval = /<%[^>]{0,200}[e]val[ \t]*\([ \t]*Request(\.Item|\.Form)?[ \t]*[\[\(][^>]{1,80}[\]\)][ \t]*,[ \t]*\x22unsafe\x22[ \t]*\)/ nocase
    condition:
        filesize < 64KB and $eval
}

rule Webshell_JSP_Request_Run {
    meta:
        description = "a JSP page that runs what the request holds"
        author = "wardround"
        score = 75
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        technique = "T1505.003"
    strings:
        $page = /<%/
        $run = /[g]etRuntime\(\)\.exec\([ \t]*(new[ \t]+String\[\][^;]{0,80})?request\.getParameter\(/ nocase
    condition:
        filesize < 64KB and all of them
}
