// Web pages that run what they are sent.

rule Webshell_PHP_Request_Run {
    meta:
        description = "A PHP page that runs what the request holds"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        technique = "T1505.003"
        score = 75
    strings:
        $php = /[<]\?php/
        $short = /[<]\?=/
        $run = /\b([e]val|[a]ssert|[s]ystem|[s]hell_exec|[p]assthru|[p]open)[ \t]*\([ \t]*@?(base64_decode[ \t]*\([ \t]*|gzinflate[ \t]*\([ \t]*|str_rot13[ \t]*\([ \t]*|stripslashes[ \t]*\([ \t]*)*\$_(POST|GET|REQUEST|COOKIE)[ \t]*\[/ nocase
    condition:
        filesize < 64KB and ($php or $short) and $run
}

rule Webshell_PHP_Packed_Eval {
    meta:
        description = "A PHP page whose program is packed several times and run at once"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1027/"
        technique = "T1027"
        score = 65
    strings:
        $run = /\b[e]val[ \t]*\([ \t]*@?(gzinflate|gzuncompress|str_rot13|strrev)[ \t]*\([ \t]*(gzinflate[ \t]*\([ \t]*|str_rot13[ \t]*\([ \t]*|strrev[ \t]*\([ \t]*){0,4}base64_decode[ \t]*\([ \t]*['\x22\$]/ nocase
    condition:
        filesize < 1MB and $run
}

rule Webshell_PHP_Upload_And_Command {
    meta:
        description = "A PHP page that takes files and runs commands of the request"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        technique = "T1505.003"
        score = 80
    strings:
        $upload = /[m]ove_uploaded_file[ \t]*\([ \t]*\$_FILES/ nocase
        $request = /\$\w{1,24}[ \t]*=[ \t]*\$_(GET|POST|REQUEST)\[['\x22](cmd|command|exec|c|ex|pass)['\x22]\]/ nocase
        $run = /\b([s]hell_exec|[p]assthru|[s]ystem|[p]roc_open|[p]open|exec)[ \t]*\([ \t]*\$\w{1,24}/ nocase
    condition:
        filesize < 256KB and all of them
}

rule Webshell_ASPX_Eval {
    meta:
        description = "An ASPX page of one line that runs what the request holds (China Chopper)"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0020/"
        technique = "T1505.003"
        score = 90
    strings:
        $eval = /<%[^>]{0,200}[e]val[ \t]*\([ \t]*Request(\.Item|\.Form)?[ \t]*[\[\(][^>]{1,80}[\]\)][ \t]*,[ \t]*\x22unsafe\x22[ \t]*\)/ nocase
    condition:
        filesize < 64KB and $eval
}

rule Webshell_ASPX_Command {
    meta:
        description = "An ASPX page that starts the command interpreter with what the request holds"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        technique = "T1505.003"
        score = 75
    strings:
        $page = /<%@[ \t]*(Page|WebHandler)\b/ nocase
        $start = /[P]rocessStartInfo|[P]rocess\.Start[ \t]*\(/
        $shell = /\b(cmd|powershell)(\.exe)?\x22/ nocase
        $request = /Request(\.(Form|QueryString|Params|Headers|Item))?[ \t]*\[|\.Text\b/
    condition:
        filesize < 128KB and all of them
}

rule Webshell_ASP_Classic {
    meta:
        description = "A classic ASP page that runs what the request holds"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        technique = "T1505.003"
        score = 80
    strings:
        $eval = /<%[ \t\r\n]*([e]val|[e]xecute(global)?)[ \t(]{1,4}request[ \t]*(\.\w+)?[ \t]*\(/ nocase
        $shell = /CreateObject[ \t]*\([ \t]*\x22[W]Script\.Shell\x22[ \t]*\)/ nocase
        $exec = /\.(exec|run)[ \t(]{1,4}[^\r\n]{0,60}request[ \t]*(\.\w+)?[ \t]*\(/ nocase
    condition:
        filesize < 128KB and ($eval or ($shell and $exec))
}

rule Webshell_JSP_Request_Run {
    meta:
        description = "A JSP page that runs what the request holds"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        technique = "T1505.003"
        score = 75
    strings:
        $page = /<%/
        $run = /[g]etRuntime\(\)\.exec\([ \t]*(new[ \t]+String\[\][^;]{0,80})?request\.getParameter\(/ nocase
    condition:
        filesize < 64KB and all of them
}

rule Webshell_JSP_Command {
    meta:
        description = "A JSP page that takes a command from the request and starts a process"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        technique = "T1505.003"
        score = 70
    strings:
        $page = /<%(@|!)?/
        $take = /=[ \t]*request\.getParameter\([ \t]*\x22(cmd|c|command|exec|pwd|i)\x22[ \t]*\)/ nocase
        $run = /[n]ew ProcessBuilder\(|[g]etRuntime\(\)[ \t]*\.[ \t]*exec\(/
    condition:
        filesize < 128KB and all of them
}

rule Webshell_JSP_Class_Loader {
    meta:
        description = "A JSP page that decrypts and loads classes of the request (Behinder, Godzilla)"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        technique = "T1505.003"
        score = 85
    strings:
        $page = /<%(@|!)?/
        $loader = /extends[ \t]+[C]lassLoader\b/
        $define = /\.?[d]efineClass[ \t]*\(/
        $cipher = /Cipher\.getInstance[ \t]*\([ \t]*\x22AES/
        $request = /request\.(getReader|getParameter|getInputStream)[ \t]*\(/
    condition:
        filesize < 128KB and all of them
}

rule Webshell_CFM_Execute {
    meta:
        description = "A ColdFusion page that starts a program named in the request"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        technique = "T1505.003"
        score = 80
    strings:
        $run = /<[c]fexecute[ \t\r\n][^>]{0,160}(name|arguments)[ \t]*=[ \t]*[\x22'][^>\x22']{0,40}#(form|url|cgi)\.[a-z_]{1,24}#/ nocase
    condition:
        filesize < 128KB and $run
}

rule Webshell_CGI_Shell_Query {
    meta:
        description = "A shell script behind the web server that runs its query string"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        technique = "T1505.003"
        score = 75
    strings:
        $head = /Content-[tT]ype: ?text\/(plain|html)/
        $run = /(\beval\b|\b(ba)?sh -c)[ \t]+[^\r\n]{0,40}\$\{?([Q]UERY_STRING|HTTP_[A-Z_]{2,20})/
    condition:
        filesize < 64KB and uint16be(0) == 0x2321 and all of them
}

rule Webshell_Tunnel_Page {
    meta:
        description = "A web page that tunnels connections into the network (reGeorg and relatives)"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://github.com/sensepost/reGeorg"
        technique = "T1090"
        score = 85
    strings:
        $fine = /[G]eorg says, 'All seems fine'/
        $command = /[X]-CMD/
        $target = /[X]-TARGET/
        $port = /[X]-PORT/
        $verb = /\x22(CONNECT|FORWARD|DISCONNECT)\x22/
    condition:
        filesize < 256KB and ($fine or all of ($command, $target, $port, $verb))
}

rule Web_Log_Page_In_Client_Folder {
    meta:
        description = "A web server's log shows requests that run a page in a folder that holds no pages"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa21-062a"
        technique = "T1505.003"
        score = 65
    strings:
        $post = /[P]OST \/(aspnet_client|[o]wa\/auth\/Current\/themes|OAB)\/[^ ]{1,80}\.aspx[ ?]/ nocase
    condition:
        filesize < 256MB and $post
}
