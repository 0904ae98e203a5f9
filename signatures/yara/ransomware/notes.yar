// Ransom notes: words that groups which have hit health care put into theirs. Phrases are facts of published
// incidents; every rule needs two that are independent of each other.

rule Ransom_Note {
    meta:
        description = "A ransom note: encrypted files, a threat to publish, a hidden service"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1486/"
        technique = "T1486"
        score = 75
    strings:
        $onion = /[a-z2-7]{56}\.[o]nion/ ascii wide
        $encrypted = /(files|data|network|servers)[^.\r\n]{0,60}\b(are|were|was|is|been)[ \t]+([a-z]+[ \t]+(and[ \t]+)?)?[e]ncrypted/ nocase ascii wide
        $threat = /\b([p]ublish|[l]eak|[s]ell|[d]isclose)[a-z]*\b/ nocase ascii wide
        $stolen = /\b([s]tolen|[d]ownloaded|[e]xfiltrated|[c]opied)\b/ nocase ascii wide
        $pay = /\b([d]ecrypt(or|ion|er)?|[r]ansom|[b]itcoin|[p]ayment)\b/ nocase ascii wide
    condition:
        filesize < 64KB and all of them
}

rule Note_Akira {
    meta:
        description = "Ransom note of Akira"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa24-109a"
        technique = "T1486"
        score = 85
    strings:
        $dead = /[i]nternal infrastructure of your company is fully or partially dead/ nocase ascii wide
        $who = /[W]hatever who you are and what your title is/ nocase ascii wide
        $site = /\b[a]kira[a-z2-7]{51}\.onion/ ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Note_BlackCat {
    meta:
        description = "Ransom note of ALPHV (BlackCat)"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa23-353a"
        technique = "T1486"
        score = 85
    strings:
        $files = /[I]mportant files on your (system|network) (was|were|have been) ENCRYPTED/ nocase ascii wide
        $extension = /[n]ow they have \x22?[a-z0-9]{5,8}\x22? extension/ nocase ascii wide
        $data = /[S]ensitive data on your (system|network) was DOWNLOADED/ nocase ascii wide
        $access = /[a]ccess-key=\$?\{?[A-Za-z0-9%+\/=]{8,}/ nocase ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Note_LockBit {
    meta:
        description = "Ransom note of LockBit"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa23-165a"
        technique = "T1486"
        score = 85
    strings:
        $name = /[L]ockBit (2\.0|3\.0|Black|4\.0|5\.0)/ nocase ascii wide
        $world = /[f]astest (and most stable )?ransomware/ nocase ascii wide
        $data = /[Y]our data (are|is) stolen and encrypted/ nocase ascii wide
        $site = /\b[l]ockbit[a-z2-7]{49}\.onion/ ascii wide
        $id = /[Y]our personal DECRYPTION ID/ nocase ascii wide
    condition:
        filesize < 256KB and ($name or $site) and any of ($world, $data, $id)
}

rule Note_Royal {
    meta:
        description = "Ransom note of Royal"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa23-061a"
        technique = "T1486"
        score = 85
    strings:
        $hit = /[y]our system were hit by Royal ransomware/ nocase ascii wide
        $reading = /[I]f you are reading this, it means that your system/ nocase ascii wide
        $site = /\b[r]oyal[a-z2-7]{52}\.onion/ ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Note_BlackSuit {
    meta:
        description = "Ransom note of BlackSuit"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa23-061a"
        technique = "T1486"
        score = 85
    strings:
        $day = /[G]ood whatever time of day it is/ nocase ascii wide
        $poor = /[s]afety service did a really poor job/ nocase ascii wide
        $name = /[E]xtortioner named BlackSuit/ nocase ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Note_Rhysida {
    meta:
        description = "Ransom note of Rhysida"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa23-319a"
        technique = "T1486"
        score = 85
    strings:
        $alert = /[a]utomated alert from (the )?cybersecurity team Rhysida/ nocase ascii wide
        $breach = /[C]ritical Breach Detected/ nocase ascii wide
        $ecosystem = /[y]our digital ecosystem has been compromised/ nocase ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Note_Hive {
    meta:
        description = "Ransom note of Hive"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa22-321a"
        technique = "T1486"
        score = 85
    strings:
        $breach = /[Y]our network has been breached and all data (were|was|is) encrypted/ nocase ascii wide
        $ready = /[P]ersonal data, financial reports and important documents are ready to disclose/ nocase ascii wide
        $modify = /[D]o not modify, rename or delete \*\.key/ nocase ascii wide
        $site = /\b[h]ive(cust|leak)[a-z2-7]{48}\.onion/ ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Note_Black_Basta {
    meta:
        description = "Ransom note of Black Basta"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa24-131a"
        technique = "T1486"
        score = 80
    strings:
        $name = /[B]lack ?Basta/ nocase ascii wide
        $data = /[Y]our data are stolen and encrypted|[n]etwork has been breached and all data was encrypted/ nocase ascii wide
        $tor = /[d]ata will be published on (the )?TOR website/ nocase ascii wide
        $id = /[C]ompany id for log in|Your (unique )?login id/ nocase ascii wide
    condition:
        filesize < 256KB and $data and any of ($name, $tor) and any of ($id, $tor)
}

rule Note_Clop {
    meta:
        description = "Ransom note of Clop"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa23-158a"
        technique = "T1486"
        score = 85
    strings:
        $mark = /[C]L0P\^_-|-[C]L0P|[C]l0p\^_/ ascii wide
        $name = /[C][L1l][0O]P\b/ ascii wide
        $contact = /unlock@[a-z0-9.-]{4,40}|support@[a-z0-9]{2,20}\.(box|com|cc)/ nocase ascii wide
        $data = /[w]e (have )?(downloaded|download) a lot of (your|information|data)|[d]ownloaded[^.\r\n]{0,40}from (your|the) (MOVEit|GoAnywhere|Cleo|network|file transfer)/ nocase ascii wide
    condition:
        filesize < 256KB and ($mark or $name) and $contact and $data
}

rule Note_Medusa {
    meta:
        description = "Ransom note of Medusa"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa25-071a"
        technique = "T1486"
        score = 85
    strings:
        $file = /[R]EAD_ME_MEDUSA/ ascii wide
        $penetrate = /[W]e have PENETRATED? your network and COPIED data/ nocase ascii wide
        $happen = /[W]HAT HAPPEN(ED|D)\?/ ascii wide
        $site = /\b[m]edusa[a-z2-7]{50}\.onion/ ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Note_BianLian {
    meta:
        description = "Ransom note of BianLian"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa23-136a"
        technique = "T1657"
        score = 85
    strings:
        $attacked = /[Y]our network systems were attacked and encrypted/ nocase ascii wide
        $touch = /[t]ouch no files, don't try to recover by yourself/ nocase ascii wide
        $name = /[B]ianLian/ nocase ascii wide
        $blog = /[w]e will (publish|post)[^\r\n]{0,60}in (our|the) (blog|leak site)/ nocase ascii wide
        $mail = /[s]wikipedia@onionmail\.org/ nocase ascii wide
    condition:
        filesize < 256KB and (2 of ($attacked, $touch, $name, $mail) or ($name and $blog))
}

rule Note_INC {
    meta:
        description = "Ransom note of INC"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/groups/G1032/"
        technique = "T1486"
        score = 85
    strings:
        $name = /\b[I]nc\.? Ransom(ware)?\b/ nocase ascii wide
        $hacked = /[W]e have hacked you and downloaded all confidential data of your company/ nocase ascii wide
        $spread = /[I]t can be spread out to people and media/ nocase ascii wide
        $site = /\b[i]nc(blog|pay)[a-z0-9]{4,52}\.(onion|su)/ nocase ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Note_Lynx {
    meta:
        description = "Ransom note of Lynx"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1486/"
        technique = "T1486"
        score = 80
    strings:
        $site = /\b[l]ynx(chat|blog|ch|bllrf|cwh|oeyo)[a-z0-9.-]{2,60}\.(onion|net)/ nocase ascii wide
        $name = /[L]ynx (Ransomware|group|team|news)|\bLYNX\b/ ascii wide
        $data = /[Y]our data is stolen and encrypted/ nocase ascii wide
    condition:
        filesize < 256KB and $data and ($site or $name)
}

rule Note_Qilin {
    meta:
        description = "Ransom note of Qilin (Agenda)"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S1242/"
        technique = "T1486"
        score = 85
    strings:
        $head = /--? [Q]ilin\b/ ascii wide
        $extension = /[E]ncrypted files have new extension/ nocase ascii wide
        $compromising = /[w]e have downloaded compromising and sensitive data from your? system/ nocase ascii wide
        $domain = /[E]xtension: ?[A-Za-z0-9_-]{5,12}[ \t\r\n]+Domain: ?\S/ ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Note_Interlock {
    meta:
        description = "Ransom note of Interlock"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa25-203a"
        technique = "T1486"
        score = 85
    strings:
        $head = /[I]NTERLOCK[ \t-]{1,6}CRITICAL SECURITY ALERT/ nocase ascii wide
        $breach = /[Y]our organization has experienced a serious security breach/ nocase ascii wide
        $laws = /[w]e have extracted[^.\r\n]{0,120}(HIPAA|GDPR|CCPA)/ nocase ascii wide
        $support = /\b[i]nterlock\b/ nocase ascii wide
    condition:
        filesize < 256KB and ($head or ($breach and $support)) and any of ($breach, $laws)
}

rule Note_Vice_Society {
    meta:
        description = "Ransom note of Vice Society"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa22-249a"
        technique = "T1486"
        score = 85
    strings:
        $name = /ENCRYPTED BY \x22?[V]ICE SOCIETY|[V]ice Society/ nocase ascii wide
        $all = /[A]ll your important documents, photos, databases were stolen and encrypted/ nocase ascii wide
        $sale = /[w]e will (up)?load (them|your data) (to|on) dark ?net/ nocase ascii wide
    condition:
        filesize < 256KB and $name and any of ($all, $sale)
}

rule Note_RansomHub {
    meta:
        description = "Ransom note of RansomHub"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa24-242a"
        technique = "T1486"
        score = 85
    strings:
        $we = /[W]e are the RansomHub/ nocase ascii wide
        $locked = /[Y]our company Servers are locked and Data has been taken to our servers/ nocase ascii wide
        $site = /\b[r]ansom(xif|gxj)[a-z2-7]{47}\.onion/ ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Note_Daixin {
    meta:
        description = "Ransom note of Daixin Team"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa22-294a"
        technique = "T1486"
        score = 85
    strings:
        $name = /[D]aixin( Team)?\b/ nocase ascii wide
        $data = /(stolen|downloaded|exfiltrated)[^.\r\n]{0,120}(database|records|data|files)/ nocase ascii wide
        $pay = /[e]ncrypt(ed|ion)|[r]ansom/ nocase ascii wide
        $site = /[a-z2-7]{56}\.[o]nion/ ascii wide
    condition:
        filesize < 64KB and all of them
}

rule Note_Karakurt {
    meta:
        description = "Extortion note of Karakurt"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa22-152a"
        technique = "T1657"
        score = 80
    strings:
        $name = /[K]arakurt( Team| Lair)?\b/ nocase ascii wide
        $hacked = /[y]our network has been breached|[Y]ou('ve| have) been hacked|[w]e have (breached|penetrated) your (internal )?network/ nocase ascii wide
        $data = /[w]e (have )?(took|taken|stole|exfiltrated|downloaded)[^.\r\n]{0,80}(data|documents|files|GB|TB)/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}

rule Note_8Base_Phobos {
    meta:
        description = "Ransom note of 8Base and Phobos"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa24-060a"
        technique = "T1486"
        score = 80
    strings:
        $problem = /[A]ll your files have been encrypted due to a security problem with your PC/ nocase ascii wide
        $title = /[w]rite this ID in the title of your message/ nocase ascii wide
        $guarantee = /[F]ree decryption as guarantee/ nocase ascii wide
        $honest = /[h]onest and simple pentesters/ nocase ascii wide
        $base = /\b8[B]ASE\b/ ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Note_Hunters_International {
    meta:
        description = "Ransom note of the group Hunters"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1486/"
        technique = "T1486"
        score = 85
    strings:
        $name = /[H]UNTERS INTERNATIONAL/ nocase ascii wide
        $site = /\b[h]unters[0-9a-z]{49}\.onion/ ascii wide
        $login = /[P]lease read the rules|[t]o (contact|chat)[^.\r\n]{0,40}(Tor|onion)|[e]xfiltrated|[e]ncrypted/ nocase ascii wide
    condition:
        filesize < 256KB and $login and ($site or ($name and #login > 1))
}

rule Note_Play {
    meta:
        description = "Ransom note of Play"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa23-352a"
        technique = "T1486"
        score = 80
    strings:
        $play = /(^|[\r\n]|\xff\xfe|\x00)[P]\x00?L\x00?A\x00?Y\x00?[ \t]*\x00?[\r\n]/ ascii wide
        $portal = /[n]ews portal, tor network links/ nocase ascii wide
        $contact = /[c]ontact us through (the )?(news portal|e?-?mail)/ nocase ascii wide
    condition:
        filesize < 64KB and $portal and ($play or $contact)
}

rule Note_Cactus {
    meta:
        description = "Ransom note of Cactus"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1486/"
        technique = "T1486"
        score = 85
    strings:
        $by = /[c]ompromised and encrypted by Cactus/ nocase ascii wide
        $interrupt = /[D]o not interrupt the encryption process/ nocase ascii wide
        $tox = /\bTOX\b|\bcactus[a-z2-7]{50}\.onion/ nocase ascii wide
    condition:
        filesize < 256KB and $by and any of ($interrupt, $tox)
}

rule Note_SafePay {
    meta:
        description = "Ransom note of SafePay"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1486/"
        technique = "T1486"
        score = 85
    strings:
        $by = /[n]etwork was attacked by SafePay( team)?/ nocase ascii wide
        $greet = /[G]reetings! Your corporate network/ nocase ascii wide
        $spec = /[I]T specialists made a number of mistakes/ nocase ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Note_DragonForce {
    meta:
        description = "Ransom note of DragonForce"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1486/"
        technique = "T1486"
        score = 85
    strings:
        $name = /[D]ragonForce\b/ nocase ascii wide
        $stolen = /[Y]our files have been stolen from your network and encrypted with a strong algorithm/ nocase ascii wide
        $money = /[w]e work for money and are not associated with politics/ nocase ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Note_Money_Message {
    meta:
        description = "Ransom note of Money Message"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1486/"
        technique = "T1486"
        score = 85
    strings:
        $by = /[e]ncrypted by \x22?Money message\x22? profitable organization/ nocase ascii wide
        $access = /[c]an't be accessed anymore|[a]ccess to (your|these) files/ nocase ascii wide
        $pay = /[r]ansom|[p]ay\b|[d]ecrypt/ nocase ascii wide
    condition:
        filesize < 256KB and $by and any of ($access, $pay)
}

rule Note_Trigona {
    meta:
        description = "Ransom note of Trigona"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1486/"
        technique = "T1486"
        score = 80
    strings:
        $network = /[t]he entire network is encrypted/ nocase ascii wide
        $losing = /[y]our business is losing money/ nocase ascii wide
        $all = /[a]ll documents, databases, backups and other critical data/ nocase ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Note_Ryuk {
    meta:
        description = "Ransom note of Ryuk"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa20-302a"
        technique = "T1486"
        score = 80
    strings:
        $balance = /[b]alance of shadow universe/ nocase ascii wide
        $name = /\b[R]yuk\b/ ascii wide
        $safe = /[N]o system is safe/ nocase ascii wide
        $gentlemen = /[Y]our business is at serious risk/ nocase ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Note_Conti {
    meta:
        description = "Ransom note of Conti"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa21-265a"
        technique = "T1486"
        score = 85
    strings:
        $by = /[A]ll of your files are currently encrypted by CONTI( strain| ransomware)?/ nocase ascii wide
        $name = /[C]ONTI (strain|ransomware|news)/ nocase ascii wide
        $site = /\b[c]ontirec[a-z0-9]{2,52}\.(onion|best|info|top)/ nocase ascii wide
        $decoy = /[d]on't try to (ignore us|recover your files)|[w]e've downloaded[^.\r\n]{0,60}(your|sensitive|internal)|[D]ATA WILL BE PUBLISHED|[p]ublish it on our news website/ nocase ascii wide
    condition:
        filesize < 256KB and $decoy and any of ($by, $name, $site)
}

rule Note_Maze {
    meta:
        description = "Ransom note of Maze"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0449/"
        technique = "T1486"
        score = 80
    strings:
        $name = /\b[M]aze ransomware|[m]aze(decrypt|news)\.top/ nocase ascii wide
        $safely = /[s]afely encrypted with reliable algorithms/ nocase ascii wide
        $happened = /[d]ocuments, photos, databases, and other important data are/ nocase ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Note_NetWalker {
    meta:
        description = "Ransom note of NetWalker"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0457/"
        technique = "T1486"
        score = 85
    strings:
        $extension = /[A]ll encrypted files for this computer has extension/ nocase ascii wide
        $before = /[r]ead this text before the encryption ended/ nocase ascii wide
        $name = /[N]etwalker/ nocase ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Note_REvil {
    meta:
        description = "Ransom note of REvil (Sodinokibi)"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0496/"
        technique = "T1486"
        score = 85
    strings:
        $welcome = /---=== [W]elcome\. Again\. ===---/ nocase ascii wide
        $happen = /\[[+-]\] [W]hats? Happen(ed)?\?? \[[+-]\]/ nocase ascii wide
        $guarantees = /\[[+-]\] [W]hat guarantees\?? \[[+-]\]/ nocase ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Note_Cuba {
    meta:
        description = "Ransom note of Cuba"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa22-335a"
        technique = "T1486"
        score = 80
    strings:
        $report = /[U]nfortunately we have to report that you were compromised/ nocase ascii wide
        $greet = /[G]reetings! (Unfortunately|Good day)/ nocase ascii wide
        $files = /[A]ll your files were encrypted/ nocase ascii wide
        $mail = /@(exploit\.im|cuba-supp\.com|encryption-support\.com)/ nocase ascii wide
    condition:
        filesize < 256KB and ($report or $mail) and $files and any of ($greet, $mail)
}

rule Note_NoEscape {
    meta:
        description = "Ransom note of NoEscape"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1486/"
        technique = "T1486"
        score = 85
    strings:
        $name = /[W]e are (the )?NoEscape/ nocase ascii wide
        $hacked = /[Y]our network has been hacked and infected by \.{0,2}NoEscape/ nocase ascii wide
        $all = /[A]ll your company documents, databases and other important files have been encrypted/ nocase ascii wide
    condition:
        filesize < 256KB and 2 of them
}

rule Note_Fog {
    meta:
        description = "Ransom note of Fog"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1486/"
        technique = "T1486"
        score = 85
    strings:
        $victim = /[y]ou have been the victim of a cyber attack\. We call ourselves Fog/ nocase ascii wide
        $reading = /[I]f you are reading this, then you have been the victim/ nocase ascii wide
        $copied = /[w]e('ve| have) (copied|taken)[^.\r\n]{0,60}(internal|your) (resources|data|files)|[e]ncrypted/ nocase ascii wide
    condition:
        filesize < 256KB and $copied and any of ($victim, $reading) and ($victim or #copied > 1)
}

rule Note_Snatch {
    meta:
        description = "Ransom note of Snatch"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa23-263a"
        technique = "T1486"
        score = 80
    strings:
        $inform = /[w]e inform you that your network has undergone a penetration test/ nocase ascii wide
        $tox = /\bTOX\b|@(snatch|mail)[a-z0-9.-]{2,30}/ nocase ascii wide
        $encrypted = /[w]e encrypted your files|[y]our files (are|were) encrypted|[d]ownloaded more than [0-9]{1,5} ?GB/ nocase ascii wide
    condition:
        filesize < 256KB and $inform and any of ($tox, $encrypted)
}

rule Note_Everest_Extortion {
    meta:
        description = "Extortion note of Everest"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1657/"
        technique = "T1657"
        score = 75
    strings:
        $name = /[E]verest (Group|ransom team|team)/ nocase ascii wide
        $data = /([n]etwork was|[y]ou were|[h]ave been) (hacked|attacked)|[d]ata (was|were|has been) (stolen|exfiltrated|downloaded)/ nocase ascii wide
        $pay = /[a]uction|[s]old to|[p]ublish(ed)?[^.\r\n]{0,60}(blog|data)|[d]ecrypt/ nocase ascii wide
    condition:
        filesize < 64KB and all of them
}

rule Note_Zeppelin {
    meta:
        description = "Ransom note of Zeppelin"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa22-223a"
        technique = "T1486"
        score = 75
    strings:
        $head = /!!! [A]LL YOUR FILES ARE ENCRYPTED !!!/ ascii wide
        $only = /[o]nly method of recovering files is to purchase (an )?unique private key/ nocase ascii wide
        $id = /[Y]our personal ID: ?[0-9A-F]{3}-[0-9A-F]{3}-[0-9A-F]{3}/ nocase ascii wide
    condition:
        filesize < 64KB and 2 of them
}
