// Cloud stores and anonymous upload services.

rule MegaCmd_Script_Upload {
    meta:
        description = "A script logs in to MEGA and uploads"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://github.com/meganz/MEGAcmd"
        technique = "T1567.002"
        score = 65
    strings:
        $login = /[m]ega-login(\.bat)?\x22?[ \t]+[^\s@]{1,64}@[^\s]{3,}[ \t]+\S{4,}/ nocase ascii wide
        $put = /[m]ega-put(\.bat)?\x22?[ \t]+/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}

rule Megatools_Settings {
    meta:
        description = "Settings of megatools with a stored MEGA password"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://megatools.megous.com/"
        technique = "T1567.002"
        score = 55
    strings:
        $login = /(^|[\r\n])\[[L]ogin\][ \t]*[\r\n]/ ascii wide
        $user = /[\r\n][U]sername[ \t]*=[ \t]*[^\s@]{1,64}@\S/ ascii wide
        $pass = /[\r\n][P]assword[ \t]*=[ \t]*\S{4,}/ ascii wide
    condition:
        filesize < 16KB and all of them
}

rule AzCopy_Log {
    meta:
        description = "Log of AzCopy: data was copied to or from Azure storage"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa25-203a"
        technique = "T1567.002"
        score = 45
    strings:
        $version = /[A]zcopyVersion[ \t]+10\./ ascii wide
        $command = /[J]ob-Command[ \t]+(copy|sync)/ ascii wide
        $blob = /\.(blob|file|dfs)\.core\.windows\.net\// ascii wide
    condition:
        filesize < 256MB and all of them
}

rule AzCopy_Command_Upload {
    meta:
        description = "AzCopy sends a drive or a share to a container whose key is in the command line"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa25-203a"
        technique = "T1567.002"
        score = 65
    strings:
        $copy = /[a]zcopy(\.exe)?\x22?[ \t]+(copy|cp|sync)[ \t]+[^\r\n]{0,60}([A-Z]:\\|\\\\[A-Za-z0-9._-]{1,63}\\)[^\r\n]{0,200}https:\/\/[a-z0-9]{3,24}\.(blob|file|dfs)\.core\.windows\.net\/[^\r\n]{0,300}[?&](sig|sv)=/ nocase ascii wide
    condition:
        filesize < 256KB and $copy
}

rule Aws_S3_Upload_With_Keys {
    meta:
        description = "A script sets AWS keys and sends a drive or share to a bucket"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1567/002/"
        technique = "T1567.002"
        score = 60
    strings:
        $key = /[A]WS_SECRET_ACCESS_KEY[ \t]*=[ \t]*['\x22]?[A-Za-z0-9\/+]{38,}|aws(\.exe)?\x22?[ \t]+configure[ \t]+set[ \t]+[a]ws_secret_access_key[ \t]+\S{38,}/ nocase ascii wide
        $send = /\b[a]ws(\.exe)?\x22?[ \t]+[^\r\n]{0,80}s3[ \t]+(cp|sync|mv)[ \t]+\x22?([A-Z]:\\|\\\\[A-Za-z0-9._-]{1,63}\\)[^\r\n]{0,200}s3:\/\// nocase ascii wide
    condition:
        filesize < 256KB and all of them
}

rule S5cmd_Upload {
    meta:
        description = "S5cmd sends a drive or a share to a bucket"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://github.com/peak/s5cmd"
        technique = "T1567.002"
        score = 65
    strings:
        $send = /[s]5cmd(\.exe)?\x22?[ \t]+[^\r\n]{0,160}(cp|sync|mv)[ \t]+[^\r\n]{0,60}([A-Z]:\\|\\\\[A-Za-z0-9._-]{1,63}\\)[^\r\n]{0,200}s3:\/\// nocase ascii wide
    condition:
        filesize < 256KB and $send
}

rule S3Browser_Console_Upload {
    meta:
        description = "The console of S3 Browser uploads a folder"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://s3browser.com/command-line.aspx"
        technique = "T1567.002"
        score = 60
    strings:
        $send = /[s]3browser-(con|cli)(\.exe)?\x22?[ \t]+[^\r\n]{0,40}(upload|file[ \t]+upload)[ \t][^\r\n]{0,300}([A-Z]:\\|\\\\[A-Za-z0-9._-]{1,63}\\)/ nocase ascii wide
    condition:
        filesize < 256KB and $send
}

rule Restic_Command_To_Cloud {
    meta:
        description = "Restic sends drives or shares to a remote store, with its password in the script"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://restic.readthedocs.io/"
        technique = "T1567.002"
        score = 60
    strings:
        $repo = /([ \t](-r|--repo)[ \t=]|[R]ESTIC_REPOSITORY[ \t]*=)[ \t]*['\x22]?(s3|sftp|rest|b2|azure|gs|swift|rclone):/ nocase ascii wide
        $restic = /[r]estic(\.exe)?\x22?[ \t]+|[w]inupdate(\.exe)?\x22?[ \t]+/ nocase ascii wide
        $backup = /[ \t][b]ackup[ \t][^\r\n]{0,240}([A-Z]:\\|\\\\[A-Za-z0-9._-]{1,63}\\|--files-from)/ nocase ascii wide
        $pass = /[R]ESTIC_PASSWORD[ \t]*=[ \t]*\S{3,}|--[p]assword-(file|command)|--[i]nsecure-no-password/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}

rule Restic_Output_Shares {
    meta:
        description = "Output of restic after it saved network shares"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://restic.readthedocs.io/"
        technique = "T1567.002"
        score = 45
    strings:
        $opened = /[r]epository [0-9a-f]{8} opened/ ascii wide
        $saved = /[s]napshot [0-9a-f]{8} saved/ ascii wide
        $unc = /(\\\\[A-Za-z0-9._-]{1,63}\\|\bUsers\\Public\\|\\\\\?\\GLOBALROOT)/ ascii wide
    condition:
        filesize < 16MB and all of them
}

rule Curl_Upload_To_Anonymous_Service {
    meta:
        description = "Curl sends an archive or database to a file service without accounts"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://github.com/BushidoUK/Ransomware-Tool-Matrix"
        technique = "T1567"
        score = 65
    strings:
        $send = /\b[c]url(\.exe)?\x22?[ \t]+[^\r\n]{0,160}(-T|-F|--form|--upload-file|--data-binary)[ \t=][^\r\n]{0,200}\.(zip|7z|rar|tgz|gz|bak|sql|csv|pst|mdb|db|dcm)\b[^\r\n]{0,200}\b(temp\.sh|file\.io|gofile\.io|transfer\.sh|bashupload\.com|oshi\.at|0x0\.st|anonfiles?\.com|catbox\.moe|filebin\.net|ufile\.io|uguu\.se|x0\.at)\b/ nocase ascii wide
    condition:
        filesize < 256KB and $send
}

rule PowerShell_Upload_To_Anonymous_Service {
    meta:
        description = "PowerShell sends a file to a file service without accounts"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://github.com/BushidoUK/Ransomware-Tool-Matrix"
        technique = "T1567"
        score = 65
    strings:
        $send = /([I]nvoke-(RestMethod|WebRequest)|\biwr|\birm|[U]ploadFile\()[^\r\n]{0,240}\b(temp\.sh|file\.io|gofile\.io|transfer\.sh|bashupload\.com|oshi\.at|anonfiles?\.com|catbox\.moe|filebin\.net|ufile\.io)\b/ nocase ascii wide
        $put = /-(InFile|Form)[ \t]|-Method[ \t]+(Put|Post)\b|[U]ploadFile\(/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}

rule PowerShell_Archive_And_Upload {
    meta:
        description = "PowerShell packs a folder and sends the archive away"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1560/002/"
        technique = "T1560.002"
        score = 60
    strings:
        $pack = /[C]ompress-Archive[ \t]|ZipFile\]::[C]reateFromDirectory\(/ nocase ascii wide
        $send = /([I]nvoke-(RestMethod|WebRequest)|\biwr|\birm)[ \t][^\r\n]{0,200}-Method[ \t]+(Put|Post)\b/ nocase ascii wide
        $body = /-[I]nFile[ \t]|ReadAllBytes\(/ nocase ascii wide
        $path = /([A-Z]:\\|\\\\[A-Za-z0-9._-]{1,63}\\|\$env:(temp|public|programdata|userprofile))/ nocase ascii wide
    condition:
        filesize < 128KB and all of them
}

rule Telegram_Bot_Sends_Document {
    meta:
        description = "A script sends files through a Telegram bot"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1567/"
        technique = "T1567"
        score = 65
    strings:
        $bot = /api\.[t]elegram\.org\/bot[0-9]{8,10}:[A-Za-z0-9_-]{35}\/sendDocument/ nocase ascii wide
    condition:
        filesize < 1MB and $bot
}

rule Discord_Webhook_Sends_File {
    meta:
        description = "A script sends files through a Discord web hook"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1567/004/"
        technique = "T1567.004"
        score = 60
    strings:
        $hook = /[d]iscord(app)?\.com\/api\/webhooks\/[0-9]{17,20}\/[A-Za-z0-9_-]{60,70}/ nocase ascii wide
        $file = /-F[ \t]+\x22?'?file[0-9]?=@|[U]ploadFile\(|multipart\/form-data|-[I]nFile[ \t]/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}

rule Dropbox_Api_Upload_Script {
    meta:
        description = "A script uploads local files with a Dropbox token of its own"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.dropbox.com/developers/documentation/http/documentation"
        technique = "T1567.002"
        score = 60
    strings:
        $api = /content\.[d]ropboxapi\.com\/2\/files\/upload/ nocase ascii wide
        $token = /[B]earer[ \t]+(sl\.)?[A-Za-z0-9_-]{60,}/ ascii wide
        $path = /([A-Z]:\\|\\\\[A-Za-z0-9._-]{1,63}\\)/ ascii wide
    condition:
        filesize < 128KB and all of them
}

rule Backblaze_B2_Upload {
    meta:
        description = "A script logs in to Backblaze B2 and sends a drive or share"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.backblaze.com/docs/cloud-storage-command-line-tools"
        technique = "T1567.002"
        score = 60
    strings:
        $login = /\b[b]2(\.exe)?\x22?[ \t]+(authorize[-_]account|account[ \t]+authorize)[ \t]+[0-9a-f]{12,25}[ \t]+\S{20,}/ nocase ascii wide
        $send = /\b[b]2(\.exe)?\x22?[ \t]+(sync|upload[-_]file|file[ \t]+upload)[ \t]+[^\r\n]{0,80}([A-Z]:\\|\\\\[A-Za-z0-9._-]{1,63}\\)/ nocase ascii wide
    condition:
        filesize < 128KB and all of them
}
