// What comes at the end.
//
// Text patterns are written as hex or with a character class, so that neither this file nor a program
// that carries it matches its own rules.

rule Script_Destroys_Recovery {
    meta:
        description = "a script that removes shadow copies and backups"
        author = "wardround"
        score = 75
        reference = "https://attack.mitre.org/techniques/T1490/"
        technique = "T1490"
    strings:
        $vss = /[v]ssadmin(\.exe)?[ \t]+delete[ \t]+shadows[ \t]+\/all/ nocase
        $wmic = /[w]mic(\.exe)?[ \t]+shadowcopy[ \t]+delete/ nocase
        $bcd = /[b]cdedit(\.exe)?[ \t]+\/set[ \t]+\{?default\}?[ \t]+recoveryenabled[ \t]+no/ nocase
        $catalog = /[w]badmin(\.exe)?[ \t]+delete[ \t]+(catalog|systemstatebackup)/ nocase
        $resize = /[v]ssadmin(\.exe)?[ \t]+resize[ \t]+shadowstorage[^\r\n]{1,80}401MB/ nocase
    condition:
        filesize < 256KB and extension != ".yar" and 2 of them
}

rule Ransom_Note {
    meta:
        description = "a ransom note: encrypted files, a threat to publish, a hidden service"
        author = "wardround"
        score = 75
        reference = "https://attack.mitre.org/techniques/T1486/"
        technique = "T1486"
    strings:
        $onion = /[a-z2-7]{56}\.[o]nion/
        $encrypted = /(files|data|network|servers)[^.\r\n]{0,60}\b(are|were|was|is|been)[ \t]+([a-z]+[ \t]+(and[ \t]+)?)?[e]ncrypted/ nocase
        $threat = /\b([p]ublish|[l]eak|[s]ell|[d]isclose)[a-z]*\b/ nocase
        $stolen = /\b([s]tolen|[d]ownloaded|[e]xfiltrated|[c]opied)\b/ nocase
        $pay = /\b([d]ecrypt(or|ion|er)?|[r]ansom|[b]itcoin|[p]ayment)\b/ nocase
    condition:
        filesize < 64KB and all of them
}
