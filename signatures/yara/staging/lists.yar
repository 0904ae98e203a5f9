// Lists and surveys that are kept beside the loot.

rule Share_Survey_Result {
    meta:
        description = "A list of administrative shares as network survey scripts write it"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1135/"
        technique = "T1135"
        score = 80
    strings:
        $share = /\\\\[A-Za-z0-9._-]{1,63}\\([C-F]|ADMIN)\$[ \t]+-[ \t]+([D]efault share|[R]emote Admin)/ nocase ascii wide
    condition:
        filesize < 64MB and #share > 2
}

rule Share_File_Listing {
    meta:
        description = "A long list of files on network shares"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1083/"
        technique = "T1083"
        score = 45
    strings:
        $line = /[\r\n]\x22?\\\\[A-Za-z0-9._-]{1,63}\\[A-Za-z0-9$ ._-]{1,80}\\[^\r\n\\]/ ascii wide
    condition:
        filesize < 64MB and uint16(0) != 0x5a4d and #line > 200
}

rule Share_List {
    meta:
        description = "A bare list of many network shares of several hosts, without files"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1135/"
        technique = "T1135"
        score = 50
    strings:
        $line = /[\r\n]\x22?\\\\[A-Za-z0-9._-]{1,63}\\[A-Za-z0-9$ ._-]{1,80}\x22?[ \t]*[\r\n]/ ascii wide
        $admin = /[\r\n]\x22?\\\\[A-Za-z0-9._-]{1,63}\\[A-Z]\$\x22?[ \t]*[\r\n]/ nocase ascii wide
    condition:
        filesize < 4MB and uint16(0) != 0x5a4d and #line > 30 and #admin > 2
}

rule Patient_Record_Path_List {
    meta:
        description = "A long list of paths of patient records"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1119/"
        technique = "T1119"
        score = 45
    strings:
        $line = /[\r\n]\x22?([A-Z]:\\|\\\\[A-Za-z0-9._-]{1,63}\\)[^\r\n]{0,200}\\(patients?|charts?|superbills?|eobs?|medical ?records?|radiology|lab ?results?)\\[^\r\n\\]{1,120}\.(pdf|tiff?|docx?|dcm|jpe?g|837|835|hl7)\b/ nocase ascii wide
    condition:
        filesize < 256MB and uint16(0) != 0x5a4d and #line > 60
}

rule AdFind_Result {
    meta:
        description = "Result of AdFind, a survey of the directory"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0552/"
        technique = "T1087.002"
        score = 65
    strings:
        $head = /[A]dFind V0/
        $server = /[U]sing server: /
        $dn = /[d]n:CN=/
    condition:
        filesize < 256MB and $head in (0..256) and $server in (0..512) and $dn
}

rule AdFind_Batch {
    meta:
        description = "A batch file surveys people, computers and trusts of the directory with AdFind"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0552/"
        technique = "T1087.002"
        score = 75
    strings:
        $person = /[a]dfind(\.exe)?\x22?[ \t]+[^\r\n]{0,60}objectcategory=person/ nocase ascii wide
        $computer = /[a]dfind(\.exe)?\x22?[ \t]+[^\r\n]{0,60}objectcategory=computer/ nocase ascii wide
        $ou = /[a]dfind(\.exe)?\x22?[ \t]+[^\r\n]{0,60}objectcategory=organizationalunit/ nocase ascii wide
        $trust = /[a]dfind(\.exe)?\x22?[ \t]+[^\r\n]{0,60}(trustdmp|subnets)/ nocase ascii wide
    condition:
        filesize < 64KB and 2 of them
}

rule BloodHound_Collection {
    meta:
        description = "A collection of BloodHound: objects of the directory and who may use them"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0521/"
        technique = "T1087.002"
        score = 80
    strings:
        $meta = /\x22meta\x22:[ ]?\{[^}]{0,120}\x22[m]ethods\x22:[ ]?[0-9]{1,8}/ ascii wide
        $type = /\x22type\x22:[ ]?\x22(computers|users|groups|domains|gpos|ous|containers)\x22/ ascii wide
        $sid = /\x22[O]bjectIdentifier\x22:[ ]?\x22[^\x22]{0,80}S-1-5-21-/ ascii wide
    condition:
        filesize < 1024MB and all of them
}

rule BloodHound_Archive {
    meta:
        description = "An archive of a BloodHound collection"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0521/"
        technique = "T1087.002"
        score = 80
    strings:
        $computers = /[0-9]{8,14}_[c]omputers\.json/ ascii wide
        $users = /[0-9]{8,14}_[u]sers\.json/ ascii wide
        $groups = /[0-9]{8,14}_[g]roups\.json/ ascii wide
        $domains = /[0-9]{8,14}_[d]omains\.json/ ascii wide
    condition:
        uint32be(0) == 0x504b0304 and filesize < 256MB and 3 of them
}

rule Network_Scanner_Result {
    meta:
        description = "Result of a network scanner as table"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1046/"
        technique = "T1046"
        score = 40
    strings:
        $head = /(^|\xff\xfe|\xef\xbb\xbf|[\r\n])\x22?[S]tatus\x22?[\t;,]\x22?Name\x22?[\t;,]\x22?IP\x22?[\t;,]\x22?(NetBIOS|Manufacturer|MAC)/ ascii wide
    condition:
        filesize < 64MB and $head
}
