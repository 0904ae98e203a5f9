// rclone: settings, command lines, filters, logs and the program itself.

rule Rclone_Config_Mega {
    meta:
        description = "Rclone settings with an account at MEGA, the usual destination of stolen data"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S1040/"
        technique = "T1567.002"
        score = 75
    strings:
        $remote = /(^|[\r\n])[ \t]*[t]ype[ \t]*=[ \t]*mega[ \t]*[\r\n]/
        $user = /[\r\n][ \t]*[u]ser[ \t]*=[ \t]*[^\r\n]*@/
        $pass = /[\r\n][ \t]*[p]ass[ \t]*=[ \t]*[A-Za-z0-9_-]{16,}/
    condition:
        filesize < 256KB and all of them
}

rule Rclone_Config_Remote {
    meta:
        description = "Rclone settings with credentials of a remote store"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://rclone.org/docs/#config-file"
        technique = "T1567.002"
        score = 55
    strings:
        $remote = /(^|[\r\n])\[[^\]\r\n]{1,64}\][ \t]*\r?\n([ \t]*[a-z_]+[ \t]*=[^\r\n]*\r?\n){0,6}[ \t]*[t]ype[ \t]*=[ \t]*(mega|s?ftp|s3|b2|dropbox|drive|onedrive|webdav|pcloud|azureblob|swift|box|koofr|protondrive|storj|jottacloud)[ \t]*\r?\n/
        $credential = /[\r\n][ \t]*([p]ass|[t]oken|[s]ecret_access_key|[c]lient_secret|[k]ey|[a]ccess_grant|[s]as_url)[ \t]*=[ \t]*\S{16,}/
    condition:
        filesize < 256KB and all of them
}

rule Rclone_Config_Encrypted {
    meta:
        description = "Rclone settings under a password of their own"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://rclone.org/docs/#configuration-encryption"
        technique = "T1567.002"
        score = 55
    strings:
        $head = /[E]ncrypted rclone configuration File/ ascii wide
        $mark = /[\r\n][R]CLONE_ENCRYPT_V0:/ ascii wide
    condition:
        filesize < 256KB and $head in (0..64) and $mark
}

rule Rclone_Command_Shares_Away {
    meta:
        description = "Rclone copies a network share or a drive to a remote store with the switches of hurried theft"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/campaigns/C0015/"
        technique = "T1567.002"
        score = 70
    strings:
        $copy = /[r]clone(\.exe)?\x22?[ \t]+[^\r\n]{0,80}([c]opy|[s]ync|[m]ove)[ \t][^\r\n]{0,200}(\\\\[A-Za-z0-9._-]{1,63}\\|[A-Z]:\\)[^\r\n]{0,200}[ \t][A-Za-z0-9_-]{2,32}:[^\\]/ nocase ascii wide
        $age = /--[m]ax-age[ \t=]/ ascii wide
        $existing = /--[i]gnore-existing\b/ ascii wide
        $confirm = /--[a]uto-confirm\b/ ascii wide
        $streams = /--[m]ulti-thread-streams\b/ ascii wide
        $transfers = /--[t]ransfers[ \t=]/ ascii wide
        $band = /--[b]wlimit[ \t=]/ ascii wide
        $cert = /--[n]o-check-certificate\b/ ascii wide
    condition:
        filesize < 1MB and $copy and 2 of ($age, $existing, $confirm, $streams, $transfers, $band, $cert)
}

rule Rclone_Command_Creates_Remote {
    meta:
        description = "A command creates an rclone remote with its password in plain sight"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S1040/"
        technique = "T1567.002"
        score = 70
    strings:
        $create = /[r]clone(\.exe)?\x22?[ \t]+[^\r\n]{0,60}[c]onfig[ \t]+[c]reate[ \t]+\S{1,64}[ \t]+(mega|s?ftp|webdav|pcloud|s3|b2)[ \t][^\r\n]{0,300}(pass|secret_access_key|key)[ \t=]\S{4,}/ nocase ascii wide
    condition:
        filesize < 1MB and $create
}

rule Rclone_Inline_Credentials {
    meta:
        description = "Rclone is given host and password in the command line instead of settings"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://rclone.org/docs/#connection-strings"
        technique = "T1567.002"
        score = 60
    strings:
        $inline = /[r]clone(\.exe)?\x22?[ \t]+[^\r\n]{0,200}:(sftp|ftp|webdav|mega|s3),[^\r\n]{0,200}(pass|secret_access_key)=\S{4,}/ nocase ascii wide
    condition:
        filesize < 1MB and $inline
}

rule Rclone_Hidden_Start {
    meta:
        description = "A script starts rclone without a window or as a scheduled task"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S1040/"
        technique = "T1564.003"
        score = 65
    strings:
        $copy = /[r]clone(\.exe)?\x22?[ \t]+[^\r\n]{0,80}([c]opy|[s]ync)[ \t]/ nocase ascii wide
        $hidden = /-[W]indowStyle[ \t]+Hidden/ nocase ascii wide
        $run = /\.[R]un[ \t(][^\r\n]{0,200},[ \t]*0\b/ nocase ascii wide
        $task = /[s]chtasks(\.exe)?\x22?[ \t]+\/create[ \t][^\r\n]{0,300}rclone/ nocase ascii wide
    condition:
        filesize < 256KB and $copy and ($hidden or $run or $task)
}

rule Rclone_Log_Mass_Copy {
    meta:
        description = "Log of rclone that lists many copied files"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://rclone.org/docs/#logging"
        technique = "T1567.002"
        score = 50
    strings:
        $copied = /[I]NFO  : [^\r\n]{1,300}: Copied \((new|replaced existing|server-side copy)\)/
    condition:
        filesize < 256MB and #copied > 20
}

rule Document_Filter_List {
    meta:
        description = "A filter list that takes office documents, mail and databases and leaves the rest"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://rclone.org/filtering/"
        technique = "T1119"
        score = 45
    strings:
        $plus = /(^|[\r\n])\+ ([^\r\n]{0,40}\/)?\*\.(pdf|docx?|xlsx?|pst|mdb|accdb|sql|bak|csv|tiff?|dcm|msg|pptx?|zip)[ \t]*[\r\n]/ nocase ascii wide
        $minus = /[\r\n]- \*{1,2}[ \t]*([\r\n]|$)/ ascii wide
    condition:
        filesize < 64KB and #plus > 5 and $minus
}

rule Rclone_Program_Renamed {
    meta:
        description = "The cloud copy tool rclone under another name"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S1040/"
        technique = "T1036.003"
        score = 75
    strings:
        $module = /[g]ithub\.com\/rclone\/rclone\/cmd/
        $sync = /[g]ithub\.com\/rclone\/rclone\/fs\/sync/
        $conf = /[r]clone\.conf/
    condition:
        (uint16(0) == 0x5a4d or uint32(0) == 0x464c457f or uint32(0) == 0xfeedfacf) and filesize > 4MB and all of them
        and filename != "" and not filename icontains "rclone"
}

rule Rclone_Program {
    meta:
        description = "The cloud copy tool rclone"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://rclone.org/"
        technique = "T1567.002"
        score = 40
    strings:
        $module = /[g]ithub\.com\/rclone\/rclone\/cmd/
        $sync = /[g]ithub\.com\/rclone\/rclone\/fs\/sync/
        $conf = /[r]clone\.conf/
    condition:
        (uint16(0) == 0x5a4d or uint32(0) == 0x464c457f or uint32(0) == 0xfeedfacf) and filesize > 4MB and all of them
}
