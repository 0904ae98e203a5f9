// Tools, settings and scripts that carry data away.
//
// Text patterns are written as hex or with a character class, so that neither this file nor a program
// that carries it matches its own rules.

rule Rclone_Config_Mega {
    meta:
        description = "rclone settings with an account at MEGA, the usual destination of stolen data"
        author = "wardround"
        score = 75
        reference = "https://attack.mitre.org/software/S1040/"
        technique = "T1567.002"
    strings:
        $remote = /(^|[\r\n])[ \t]*[t]ype[ \t]*=[ \t]*mega[ \t]*[\r\n]/
        $user = /[\r\n][ \t]*[u]ser[ \t]*=[ \t]*[^\r\n]*@/
        $pass = /[\r\n][ \t]*[p]ass[ \t]*=[ \t]*[A-Za-z0-9_-]{16,}/
    condition:
        filesize < 256KB and all of them
}

rule Rclone_Config_Remote {
    meta:
        description = "rclone settings with credentials of a remote store"
        author = "wardround"
        score = 55
        reference = "https://rclone.org/docs/#config-file"
        technique = "T1567.002"
    strings:
        $remote = /(^|[\r\n])\[[^\]\r\n]{1,64}\][ \t]*\r?\n([ \t]*[a-z_]+[ \t]*=[^\r\n]*\r?\n){0,6}[ \t]*[t]ype[ \t]*=[ \t]*(mega|s?ftp|s3|b2|dropbox|drive|onedrive|webdav|pcloud|azureblob|swift|box|koofr|protondrive|storj|jottacloud)[ \t]*\r?\n/
        $credential = /[\r\n][ \t]*([p]ass|[t]oken|[s]ecret_access_key|[c]lient_secret|[k]ey|[a]ccess_grant|[s]as_url)[ \t]*=[ \t]*\S{16,}/
    condition:
        filesize < 256KB and all of them
}

rule Rclone_Program_Renamed {
    meta:
        description = "the cloud copy tool rclone under another name"
        author = "wardround"
        score = 75
        reference = "https://attack.mitre.org/software/S1040/"
        technique = "T1036.003"
    strings:
        $module = { 67 69 74 68 75 62 2E 63 6F 6D 2F 72 63 6C 6F 6E 65 2F 72 63 6C 6F 6E 65 2F 63 6D 64 }
        $sync = { 67 69 74 68 75 62 2E 63 6F 6D 2F 72 63 6C 6F 6E 65 2F 72 63 6C 6F 6E 65 2F 66 73 2F 73 79 6E 63 }
        $conf = { 72 63 6C 6F 6E 65 2E 63 6F 6E 66 }
    condition:
        (uint16(0) == 0x5a4d or uint32(0) == 0x464c457f or uint32(0) == 0xfeedfacf) and filesize > 4MB and all of them
        and filename != "" and not filename icontains "rclone"
}

rule Rclone_Program {
    meta:
        description = "the cloud copy tool rclone"
        author = "wardround"
        score = 40
        reference = "https://rclone.org/"
        technique = "T1567.002"
    strings:
        $module = { 67 69 74 68 75 62 2E 63 6F 6D 2F 72 63 6C 6F 6E 65 2F 72 63 6C 6F 6E 65 2F 63 6D 64 }
        $sync = { 67 69 74 68 75 62 2E 63 6F 6D 2F 72 63 6C 6F 6E 65 2F 72 63 6C 6F 6E 65 2F 66 73 2F 73 79 6E 63 }
        $conf = { 72 63 6C 6F 6E 65 2E 63 6F 6E 66 }
    condition:
        (uint16(0) == 0x5a4d or uint32(0) == 0x464c457f or uint32(0) == 0xfeedfacf) and filesize > 4MB and all of them
}

rule Script_Ftp_Upload_Many {
    meta:
        description = "FTP commands that log in and upload many files; also the way of old claim uploads"
        author = "wardround"
        score = 45
        reference = "https://attack.mitre.org/techniques/T1048/003/"
        technique = "T1048.003"
    strings:
        $open = /(^|[\r\n])[ \t]*[o]pen[ \t]+[A-Za-z0-9.-]{4,}/ nocase
        $mput = /[\r\n][ \t]*[m]put[ \t]+\S/ nocase
        $quiet = /[\r\n][ \t]*([p]rompt|[b]inary|[b]in)[ \t]*[\r\n]/ nocase
        $end = /[\r\n][ \t]*([b]ye|[q]uit|[c]lose|[d]isconnect)\b/ nocase
    condition:
        filesize < 16KB and all of them
}

rule Script_WinSCP_Upload {
    meta:
        description = "a WinSCP script that uploads without anyone at the screen; also the way of clearing-house uploads"
        author = "wardround"
        score = 45
        reference = "https://winscp.net/eng/docs/scripting"
        technique = "T1048"
    strings:
        $open = /(^|[\s\x22])[o]pen[ \t]+\x22{0,2}(sftp|ftps?|scp|s3|https?|davs?):\/\/[^\s:@]+:[^\s@]+@/ nocase
        $put = /(^|[\s\x22])([p]ut[ \t]+(-\w+[ \t]+)*\x22?[A-Z]:\\|[s]ynchronize[ \t]+remote)/ nocase
        $winscp = /[w]inscp|[o]ption[ \t]+batch|-hostkey=/ nocase
    condition:
        filesize < 64KB and all of them
}

rule Script_Archive_Hidden_Names {
    meta:
        description = "commands that pack folders into archives with a password that hides the names"
        author = "wardround"
        score = 60
        reference = "https://attack.mitre.org/techniques/T1560/001/"
        technique = "T1560.001"
    strings:
        $rar = /[r]ar(\.exe)?\x22?[ \t]+a[ \t][^\r\n]{0,160}-hp[^\s\x22]{3,}/ nocase
        $seven = /7z[ar]?(\.exe)?\x22?[ \t]+a[ \t][^\r\n]{0,160}-p[^\s]{3,}[^\r\n]{0,160}-[m]he(=on)?\b/ nocase
        $place = /[A-Z]:\\|\\\\[A-Za-z0-9._-]+\\/ nocase
    condition:
        filesize < 64KB and $place and ($rar or $seven)
}

rule Share_Survey_Result {
    meta:
        description = "a list of administrative shares as network survey scripts write it"
        author = "wardround"
        score = 80
        reference = "https://attack.mitre.org/techniques/T1135/"
        technique = "T1135"
    strings:
        $share = /\\\\[A-Za-z0-9._-]{1,63}\\([C-F]|ADMIN)\$[ \t]+-[ \t]+([D]efault share|[R]emote Admin)/ nocase
    condition:
        filesize < 64MB and #share > 2
}

rule Share_File_Listing {
    meta:
        description = "a long list of files on network shares"
        author = "wardround"
        score = 45
        reference = "https://attack.mitre.org/techniques/T1083/"
        technique = "T1083"
    strings:
        $line = /[\r\n]\x22?\\\\[A-Za-z0-9._-]{1,63}\\[A-Za-z0-9$ ._-]{1,80}\\[^\r\n\\]/
    condition:
        filesize < 64MB and uint16(0) != 0x5a4d and #line > 200
}

rule AdFind_Result {
    meta:
        description = "result of AdFind, a survey of the directory"
        author = "wardround"
        score = 65
        reference = "https://attack.mitre.org/software/S0552/"
        technique = "T1087.002"
    strings:
        $head = { 41 64 46 69 6E 64 20 56 30 }
        $server = { 55 73 69 6E 67 20 73 65 72 76 65 72 3A 20 }
        $dn = { 64 6E 3A 43 4E 3D }
    condition:
        filesize < 256MB and $head in (0..256) and $server in (0..512) and $dn
}
