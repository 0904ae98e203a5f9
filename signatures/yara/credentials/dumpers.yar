// Stolen credentials: what dump programs are, how they are called, what they leave.

rule Mimikatz_Program {
    meta:
        description = "Strings of the credential stealer Mimikatz in a program"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0002/"
        technique = "T1003.001"
        score = 90
    strings:
        $author = { 67 00 65 00 6E 00 74 00 69 00 6C 00 6B 00 69 00 77 00 69 00 20 00 28 00 42 00 65 00 6E 00 6A 00 61 00 6D 00 69 00 6E 00 20 00 44 00 45 00 4C 00 50 00 59 00 29 00 }
        $prompt = { 6D 00 69 00 6D 00 69 00 6B 00 61 00 74 00 7A 00 20 00 23 00 20 00 }
        $sekurlsa = { 73 00 65 00 6B 00 75 00 72 00 6C 00 73 00 61 00 }
        $lsadump = { 6C 00 73 00 61 00 64 00 75 00 6D 00 70 00 }
        $kerberos = { 6B 00 75 00 68 00 6C 00 5F 00 6D 00 5F 00 73 00 65 00 6B 00 75 00 72 00 6C 00 73 00 61 00 }
        $driver = { 6D 00 69 00 6D 00 69 00 64 00 72 00 76 00 2E 00 73 00 79 00 73 00 }
        $url = /[b]log\.gentilkiwi\.com\/mimikatz/
    condition:
        uint16(0) == 0x5a4d and filesize < 32MB and 3 of them
}

rule Mimikatz_Result {
    meta:
        description = "Credentials as Mimikatz prints them"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0002/"
        technique = "T1003.001"
        score = 90
    strings:
        $session = /[A]uthentication Id : 0 ; /
        $session_w = { 41 00 75 00 74 00 68 00 65 00 6E 00 74 00 69 00 63 00 61 00 74 00 69 00 6F 00 6E 00 20 00 49 00 64 00 20 00 3A 00 20 00 30 00 20 00 3B 00 20 00 }
        $ntlm = /\* [N]TLM[ ]{5}: [0-9a-f]{32}/ ascii wide
        $package = /[\r\n\x00\t](msv|wdigest|kerberos|ssp|credman) :\x00?[ \t]?/ ascii wide
    condition:
        filesize < 64MB and any of ($session*) and $ntlm and $package
}

rule Mimikatz_Commands {
    meta:
        description = "A script or log that drives Mimikatz"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0002/"
        technique = "T1003.001"
        score = 75
    strings:
        $debug = /[p]rivilege::debug/ nocase ascii wide
        $logon = /[s]ekurlsa::(logonpasswords|minidump|pth|tickets|ekeys|wdigest)/ nocase ascii wide
        $dump = /[l]sadump::(sam|secrets|lsa|dcsync|cache|trust)/ nocase ascii wide
        $ticket = /[k]erberos::(list|golden|ptt|ask)/ nocase ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Lsass_Memory_Dump {
    meta:
        description = "Memory dump of LSASS, which holds credentials"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1003/001/"
        technique = "T1003.001"
        score = 85
    strings:
        $lsass = /\\\x00l\x00s\x00a\x00s\x00s\x00\.\x00e\x00x\x00e\x00/ nocase
        $lsasrv = /\\\x00l\x00s\x00a\x00s\x00r\x00v\x00\.\x00d\x00l\x00l\x00/ nocase
    condition:
        uint32(0) == 0x504d444d and $lsasrv and $lsass
}

rule Lsass_Dump_By_Procdump {
    meta:
        description = "A command dumps the memory of LSASS with ProcDump"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1003/001/"
        technique = "T1003.001"
        score = 75
    strings:
        $line = /[p]rocdump(64|32)?[a-z0-9_]{0,12}(\.exe)?\x22?[ \t]+[^\r\n]{0,80}-m[ap][ \t][^\r\n]{0,80}[l]sass/ nocase ascii wide
    condition:
        filesize < 4MB and $line
}

rule Lsass_Dump_By_Comsvcs {
    meta:
        description = "A command dumps the memory of a process through a library of Windows"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1003/001/"
        technique = "T1003.001"
        score = 80
    strings:
        $name = /[c]omsvcs(\.dll)?[, \t\x22']{1,6}(#[+-]?0*24|[M]iniDump)[ \t][^\r\n]{0,120}[ \t]full\b/ nocase ascii wide
    condition:
        filesize < 4MB and $name
}

rule Ntds_Copy_By_Ntdsutil {
    meta:
        description = "A command copies the domain's database of accounts with NTDSUtil"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1003/003/"
        technique = "T1003.003"
        score = 70
    strings:
        $line = /[n]tdsutil(\.exe)?\x22?[ \t]+[^\r\n]{0,60}(ac(tivate)?[ \t]+(i|in|instance)[ \t]+ntds|\bifm\b)[^\r\n]{0,60}[c]r(eate)?[ \t]+fu(ll)?\b/ nocase ascii wide
    condition:
        filesize < 1MB and $line
}

rule Ntds_Copy_From_Shadow {
    meta:
        description = "A command takes the account database or its keys out of a shadow copy"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1003/003/"
        technique = "T1003.003"
        score = 80
    strings:
        $line = /[G]LOBALROOT\\Device\\HarddiskVolumeShadowCopy[0-9]{1,4}\\Windows\\(NTDS\\ntds\.dit|System32\\config\\(SAM|SYSTEM|SECURITY)\b)/ nocase ascii wide
        $copy = /\b([c]opy|[x]copy|esentutl(\.exe)?\x22?[ \t]+\/y|robocopy|cp)[ \t]+/ nocase ascii wide
    condition:
        filesize < 1MB and all of them
}

rule Registry_Hives_Saved {
    meta:
        description = "A command saves the registry's hives of accounts and secrets"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1003/002/"
        technique = "T1003.002"
        score = 75
    strings:
        $sam = /[r]eg(\.exe)?\x22?[ \t]+(save|export)[ \t]+\x22?hklm\\[s]am\x22?[ \t]/ nocase ascii wide
        $key = /[r]eg(\.exe)?\x22?[ \t]+(save|export)[ \t]+\x22?hklm\\(system|security)\x22?[ \t]/ nocase ascii wide
    condition:
        filesize < 1MB and all of them
}

rule Secretsdump_Result {
    meta:
        description = "Output of Impacket's dump of accounts and secrets"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0357/"
        technique = "T1003.003"
        score = 85
    strings:
        $sam = /\[\*\] [D]umping local SAM hashes/ ascii wide
        $domain = /\[\*\] [D]umping Domain Credentials \(domain\\uid:rid:lmhash:nthash\)/ ascii wide
        $drs = /\[\*\] [U]sing the DRSUAPI method to get NTDS\.DIT secrets/ ascii wide
        $bootkey = /\[\*\] [T]arget system bootKey: 0x[0-9a-f]{32}/ ascii wide
        $lsa = /\[\*\] [D]umping (cached domain logon information|LSA Secrets)/ ascii wide
    condition:
        filesize < 256MB and 2 of them
}

rule Password_Hash_Dump {
    meta:
        description = "Password hashes of Windows accounts as dump tools print them"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1003/003/"
        technique = "T1003.003"
        score = 80
    strings:
        $line = /[\r\n][^\s:]{1,128}:[0-9]{3,7}:[0-9a-f]{32}:[0-9a-f]{32}:::/ nocase
    condition:
        filesize < 256MB and #line > 1
}

rule LaZagne_Result {
    meta:
        description = "Output of LaZagne, which collects stored passwords"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0349/"
        technique = "T1555"
        score = 80
    strings:
        $banner = /\|[ ]+The [L]aZagne Project[ ]+\|/ ascii wide
        $bang = /! [B]ANG BANG !/ ascii wide
        $user = /#{6,} User: \S/ ascii wide
        $found = /\[\+\] [P]assword found !!!/ nocase ascii wide
    condition:
        filesize < 64MB and 2 of them
}

rule Kerberos_Roasting_Hashes {
    meta:
        description = "Kerberos tickets in the form in which their passwords are guessed"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1558/003/"
        technique = "T1558.003"
        score = 75
    strings:
        $tgs = /\$[k]rb5tgs\$(23|17|18)\$[^\s]{1,300}\$[0-9a-f]{200,}/ nocase ascii wide
        $asrep = /\$[k]rb5asrep\$(23\$)?[^\s:]{1,200}[:$][0-9a-f]{32}\$[0-9a-f]{200,}/ nocase ascii wide
    condition:
        filesize < 64MB and any of them
}

rule DCSync_Result {
    meta:
        description = "A domain controller was asked for the accounts of the domain"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0002/"
        technique = "T1003.006"
        score = 85
    strings:
        $domain = /\[[D]C\] '[^']{1,120}' will be the (domain|DC server)/ ascii wide
        $account = /\[[D]C\] '[^']{1,120}' will be the user account|\[[D]C\] Exporting domain '/ ascii wide
    condition:
        filesize < 256MB and all of them
}

rule Rubeus_Result {
    meta:
        description = "Output of Rubeus, which asks for Kerberos tickets"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S1071/"
        technique = "T1558.003"
        score = 80
    strings:
        $action = /\[\*\] [A]ction: (Kerberoasting|AS-REP roasting|Ask TGT|Ask TGS|S4U|Dump Kerberos Ticket Data|Triage|Describe Ticket)/ nocase ascii wide
        $more = /\[\*\] ([T]otal kerberoastable users|base64\(ticket\.kirbi\)|Target Domain  |Using domain controller|NOTICE: AES hashes will be returned)/ nocase ascii wide
    condition:
        filesize < 64MB and all of them
}

rule Veeam_Credentials_Script {
    meta:
        description = "A script reads the stored credentials of Veeam Backup"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa24-109a"
        technique = "T1555"
        score = 75
    strings:
        $table = /\[?dbo\]?\.\[?[C]redentials\]?\b/ nocase ascii wide
        $base = /VeeamBackup|Veeam\\Veeam Backup (and|&) Replication/ nocase ascii wide
        $unprotect = /[P]rotectedData\]?::?Unprotect|[P]rotectedStorage\]?::[G]etLocalString|[E]ncryptionSalt/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}

rule Group_Policy_Password {
    meta:
        description = "A password in a Group Policy preference, which anybody in the domain can read"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1552/006/"
        technique = "T1552.006"
        score = 45
    strings:
        $root = /<(Groups|ScheduledTasks|Services|DataSources|Drives) clsid=\x22\{/ nocase ascii wide
        $password = /\b[c]password=\x22[A-Za-z0-9+\/=]{20,}\x22/ nocase ascii wide
    condition:
        filesize < 1MB and all of them
}

rule PowerShell_Credential_Script_Run {
    meta:
        description = "A PowerShell attack function that takes credentials is called"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0194/"
        technique = "T1059.001"
        score = 75
    strings:
        $call = /\b([I]nvoke-(Mimikatz|Kerberoast|NinjaCopy|DCSync|TokenManipulation)|[O]ut-Minidump|[G]et-(GPPPassword|VaultCredential|Keystrokes))[ \t]+-(Command|DumpCreds|DumpCerts|OutputFormat|Path|Process|ComputerName|LogPath|LocalDestination)\b/ nocase ascii wide
    condition:
        filesize < 4MB and $call
}

rule Wdigest_Plain_Passwords {
    meta:
        description = "A command makes Windows keep passwords in plain text in memory"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1112/"
        technique = "T1112"
        score = 70
    strings:
        $reg = /[r]eg(\.exe)?\x22?[ \t]+add[ \t]+[^\r\n]{0,160}WDigest\x22?[ \t]+[^\r\n]{0,60}[U]seLogonCredential[ \t]+[^\r\n]{0,60}\/d[ \t]+\x22?1/ nocase ascii wide
        $shell = /WDigest[^\r\n]{0,120}[U]seLogonCredential[^\r\n]{0,60}-Value[ \t]+\x22?1/ nocase ascii wide
    condition:
        filesize < 1MB and any of them
}

rule Snaffler_Result {
    meta:
        description = "Output of Snaffler, which looks for passwords on network shares"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1552/001/"
        technique = "T1552.001"
        score = 75
    strings:
        $file = /\[[F]ile\][ \t]\{(Black|Red|Yellow|Green)\}<[A-Za-z]{3,60}\|/ ascii wide
        $share = /\[[S]hare\][ \t]\{(Black|Red|Yellow|Green)\}</ ascii wide
    condition:
        filesize < 256MB and any of them
}

rule Responder_Log {
    meta:
        description = "Log of Responder with captured logons"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0174/"
        technique = "T1557.001"
        score = 80
    strings:
        $hash = /\[(SMB|HTTP|LDAP|MSSQL|WebDAV)\] [N]TLMv[12](-SSP)? (Hash|Username|Client)[ \t]+:/ ascii wide
    condition:
        filesize < 64MB and #hash > 1
}

rule NetExec_Result {
    meta:
        description = "Output of NetExec or CrackMapExec with accounts that were accepted"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0488/"
        technique = "T1110.003"
        score = 80
    strings:
        $pwned = /\([P]wn3d!\)/ ascii wide
        $account = /\[\+\][ \t]+[^\s\\]{1,64}\\[^\s:]{1,100}:\S/ ascii wide
        $banner = /\([s]igning:(True|False)\)[ \t]*\(SMBv1:(True|False|None)\)/ ascii wide
    condition:
        filesize < 64MB and $banner and any of ($pwned, $account)
}

rule Browser_Password_List {
    meta:
        description = "Passwords of browsers as recovery tools list them"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1555/003/"
        technique = "T1555.003"
        score = 70
    strings:
        $url = /[\r\n]URL[ ]{2,}: ?https?:\/\// ascii wide
        $browser = /[\r\n]Web Browser[ ]{2,}: ?\S/ ascii wide
        $strength = /[\r\n]Password Strength[ ]{1,}: ?\S/ ascii wide
    condition:
        filesize < 16MB and all of them
}
