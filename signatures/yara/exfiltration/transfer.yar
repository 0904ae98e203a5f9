// Transfer programs and scripts: FTP, SFTP, WinSCP, FileZilla, PuTTY, curl, BITS, DNS.

rule Script_Ftp_Upload_Many {
    meta:
        description = "FTP commands that log in and upload many files; also the way of old claim uploads"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1048/003/"
        technique = "T1048.003"
        score = 45
    strings:
        $open = /(^|[\r\n])[ \t]*[o]pen[ \t]+[A-Za-z0-9.-]{4,}/ nocase ascii wide
        $mput = /[\r\n][ \t]*[m]put[ \t]+\S/ nocase ascii wide
        $quiet = /[\r\n][ \t]*([p]rompt|[b]inary|[b]in)[ \t]*[\r\n]/ nocase ascii wide
        $end = /[\r\n][ \t]*([b]ye|[q]uit|[c]lose|[d]isconnect)\b/ nocase ascii wide
    condition:
        filesize < 16KB and all of them
}

rule Script_Ftp_Written_By_Batch {
    meta:
        description = "A batch file writes its FTP commands, runs them and needs nobody at the screen"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1048/003/"
        technique = "T1048.003"
        score = 60
    strings:
        $echo = /[e]cho[ \t]+(open|user|put|mput|binary|bye|quit|cd)\b[^\r\n>]{0,120}>>?/ nocase ascii wide
        $run = /\b[f]tp(\.exe)?\x22?[ \t]+(-\w+[ \t]+){0,4}-s:/ nocase ascii wide
    condition:
        filesize < 64KB and #echo > 3 and $run
}

rule Script_WinSCP_Upload {
    meta:
        description = "A WinSCP script that uploads without anyone at the screen; also the way of clearing-house uploads"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://winscp.net/eng/docs/scripting"
        technique = "T1048"
        score = 45
    strings:
        $open = /(^|[\s\x22])[o]pen[ \t]+\x22{0,2}(sftp|ftps?|scp|s3|https?|davs?):\/\/[^\s:@]+:[^\s@]+@/ nocase ascii wide
        $put = /(^|[\s\x22])([p]ut[ \t]+(-\w+[ \t]+)*\x22?[A-Z]:\\|[s]ynchronize[ \t]+remote)/ nocase ascii wide
        $winscp = /[w]inscp|[o]ption[ \t]+batch|-[h]ostkey=/ nocase ascii wide
    condition:
        filesize < 64KB and all of them
}

rule WinSCP_Log_Archive_Upload {
    meta:
        description = "Log of WinSCP in which archives leave the host"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://winscp.net/eng/docs/logging"
        technique = "T1048"
        score = 50
    strings:
        $done = /[T]ransfer done: '[A-Z]:\\[^'\r\n]{1,240}\.(zip|7z|rar|tgz|gz|cab|7z\.[0-9]{3}|part[0-9]+\.rar|z[0-9]{2})' => '\//
    condition:
        filesize < 256MB and #done > 1
}

rule WinSCP_Ini_Stored_Session {
    meta:
        description = "Portable WinSCP settings with a stored password"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://winscp.net/eng/docs/portable"
        technique = "T1048"
        score = 40
    strings:
        $session = /[\r\n]\[[S]essions\\[^\]\r\n]{3,}\]/ ascii wide
        $host = /[\r\n][H]ostName=\S/ ascii wide
        $pass = /[\r\n][P]assword=[0-9A-F]{24,}/ ascii wide
    condition:
        filesize < 1MB and all of them
}

rule PuTTY_Copy_With_Password {
    meta:
        description = "PuTTY's copy program sends a local folder with its password in the command line"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://the.earth.li/~sgtatham/putty/0.83/htmldoc/Chapter5.html"
        technique = "T1048.002"
        score = 60
    strings:
        $pscp = /\b[p]scp(\.exe)?\x22?[ \t]+[^\r\n]{0,160}-pw[ \t]+\S{3,}[^\r\n]{0,160}[ \t]\x22?[A-Z]:\\[^\r\n]{0,160}[ \t][^\s@]{1,64}@[^\s:]{4,}:/ nocase ascii wide
    condition:
        filesize < 256KB and $pscp
}

rule Curl_Upload_To_Ftp {
    meta:
        description = "Curl uploads a local archive or folder to an FTP or SFTP server with credentials"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://curl.se/docs/manpage.html"
        technique = "T1048.003"
        score = 60
    strings:
        $curl = /\b[c]url(\.exe)?\x22?[ \t]+[^\r\n]{0,160}(-T|--[u]pload-file)[ \t][^\r\n]{0,200}\.(zip|7z|rar|tgz|gz|bak|sql|csv|pst|mdb)\b[^\r\n]{0,200}\b(ftp|sftp|ftps):\/\// nocase ascii wide
        $user = /(-u|--user)[ \t]+\x22?[^\s:]{1,64}:\S{3,}|:\/\/[^\s:@\/]{1,64}:[^\s@\/]{1,64}@/ ascii wide
    condition:
        filesize < 256KB and all of them
}

rule FileZilla_Queue_Of_Archives {
    meta:
        description = "FileZilla's list of servers with stored passwords"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://wiki.filezilla-project.org/"
        technique = "T1048"
        score = 40
    strings:
        $root = /<[F]ileZilla3[ >]/ ascii wide
        $server = /<[H]ost>[^<]{4,}<\/Host>/ ascii wide
        $pass = /<[P]ass encoding=\x22base64\x22>[A-Za-z0-9+\/=]{4,}</ ascii wide
    condition:
        filesize < 4MB and all of them
}

rule Bits_Upload_Job {
    meta:
        description = "A background transfer job that uploads a local file"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1197/"
        technique = "T1197"
        score = 60
    strings:
        $admin = /[b]itsadmin(\.exe)?\x22?[ \t]+\/transfer[ \t][^\r\n]{0,120}\/upload[ \t][^\r\n]{0,200}https?:\/\// nocase ascii wide
        $shell = /[S]tart-BitsTransfer[ \t][^\r\n]{0,240}-TransferType[ \t]+Upload(Reply)?\b/ nocase ascii wide
    condition:
        filesize < 1MB and any of them
}

rule Dns_Query_Exfiltration {
    meta:
        description = "A loop that encodes a file and sends it in the names of DNS queries"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1048/003/"
        technique = "T1048.003"
        score = 65
    strings:
        $encode = /[c]ertutil(\.exe)?\x22?[ \t]+-(f[ \t]+)?encode(hex)?[ \t]|[T]oBase64String\(|\bxxd[ \t]+-p\b|\b[b]ase64[ \t]+-w/ nocase ascii wide
        $loop = /(\bfor\b|\bwhile\b|\bforeach\b|ForEach-Object)/ nocase ascii wide
        $query = /([n]slookup(\.exe)?\x22?|[R]esolve-DnsName|\bdig)[ \t]+[^\r\n]{0,60}(%%?[a-z]%?|\$\{?[a-z_]+\}?|\$_)\.[a-z0-9.-]{4,}/ nocase ascii wide
    condition:
        filesize < 64KB and all of them
}

rule PowerShell_WebClient_Upload {
    meta:
        description = "PowerShell sends a local file with a web client"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1048/"
        technique = "T1048"
        score = 50
    strings:
        $client = /[N]ew-Object[ \t]+(System\.)?Net\.WebClient/ nocase ascii wide
        $upload = /\.[U]pload(File|Data)(Async)?[ \t]*\(/ nocase ascii wide
        $path = /[A-Z]:\\|\$env:(temp|public|programdata)/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}
