// Implants and traces in mail servers and file-transfer appliances, where data is taken without being staged.

rule MOVEit_Web_Page_Implant {
    meta:
        description = "The web page that was planted in MOVEit Transfer (LEMURLOOT)"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa23-158a"
        technique = "T1505.003"
        score = 90
    strings:
        $comment = /[X]-siLock-Comment/
        $step1 = /[X]-siLock-Step1/
        $step2 = /[X]-siLock-Step2/
        $step3 = /[X]-siLock-Step3/
        $user = /[H]ealth Check Service/
        $class = /MOVEit\.DMZ\./
    condition:
        filesize < 1MB and $comment and 2 of ($step*, $user, $class)
}

rule MOVEit_Web_Log_Exploit {
    meta:
        description = "The web server of MOVEit Transfer was asked for the planted page or in the order of the attack"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa23-158a"
        technique = "T1190"
        score = 70
    strings:
        $page = /(GET|POST) \/[h]uman2\.aspx[ ?]/ nocase
        $api = /[P]OST \/(guestaccess\.aspx|api\/v1\/folders|moveitisapi\/moveitisapi\.dll)[ ?]/ nocase
    condition:
        filesize < 256MB and $page and $api
}

rule GoAnywhere_Licence_Exploit_Log {
    meta:
        description = "GoAnywhere's licence page was sent an object from outside (CVE-2023-0669, CVE-2025-10035)"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://nvd.nist.gov/vuln/detail/CVE-2023-0669"
        technique = "T1190"
        score = 65
    strings:
        $post = /[P]OST \/goanywhere\/lic\/accept[\/ ?]/ nocase
        $stack = /[S]ignedObject\.getObject:|[L]icenseController[^\r\n]{0,80}Error parsing license response/
    condition:
        filesize < 256MB and any of them
}

rule Accellion_File_Page_Implant {
    meta:
        description = "The web page that was planted in the Accellion file-transfer appliance (DEWMODE)"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa21-055a"
        technique = "T1505.003"
        score = 85
    strings:
        $dwn = /\$_GET\[['\x22][d]wn['\x22]\]/
        $fn = /\$_GET\[['\x22]fn['\x22]\]/
        $token = /\$_GET\[['\x22][c]srftoken['\x22]\]/
        $cleanup = /\.scr\b|courier\/|adminpl|cache\.js\.gz/
    condition:
        filesize < 128KB and 3 of them
}

rule CrushFTP_Include_Exploit_Log {
    meta:
        description = "CrushFTP was asked to read its own files through a template (CVE-2024-4040)"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://nvd.nist.gov/vuln/detail/CVE-2024-4040"
        technique = "T1190"
        score = 70
    strings:
        $include = /[c]ommand=(zip|getHistory|exists)&[^\s]{0,120}(%3C|<)INCLUDE(%3E|>)/ nocase
    condition:
        filesize < 256MB and $include
}

rule Cleo_Autorun_Exploit_Trace {
    meta:
        description = "Cleo Harmony, VLTrader or LexiCom ran a planted job (CVE-2024-50623, CVE-2024-55956)"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://nvd.nist.gov/vuln/detail/CVE-2024-55956"
        technique = "T1190"
        score = 75
    strings:
        $file = /[a]utorun[\\\/](healthchecktemplate\.txt|healthcheck\.txt)/ nocase
        $run = /[P]rocessing autorun file '[^'\r\n]{1,120}'/ nocase
        $system = /SYSTEM[ \t]+cmd(\.exe)?[ \t]+\/c[ \t]+[^\r\n]{0,40}powershell[^\r\n]{0,60}-(NonInteractive|enc)/ nocase
    condition:
        filesize < 64MB and ($file or $run) and $system
}

rule Exchange_Virtual_Folder_Implant {
    meta:
        description = "Settings of an Exchange web folder whose address is a script (ProxyLogon)"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa21-062a"
        technique = "T1505.003"
        score = 90
    strings:
        $url = /([E]xternalUrl|InternalUrl)[ \t]*:[ \t]*https?:\/\/[^\r\n<]{0,40}\/?<script[ \t]+language=/ nocase
        $run = /runat=[\x22']server[\x22']|[P]age_Load/ nocase
    condition:
        filesize < 256KB and all of them
}

rule SharePoint_Machine_Key_Page {
    meta:
        description = "A page that shows the keys of a SharePoint server (ToolShell, CVE-2025-53770)"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://nvd.nist.gov/vuln/detail/CVE-2025-53770"
        technique = "T1505.003"
        score = 90
    strings:
        $section = /[M]achineKeySection/
        $config = /[G]etApplicationConfig/
        $key = /\.[V]alidationKey[ \t]*\+/
        $write = /Response\.Write[ \t]*\(/
    condition:
        filesize < 64KB and all of them
}
