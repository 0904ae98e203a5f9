// Marks that encryptors leave in the files they have encrypted.

import "math"

rule Encrypted_File_Ryuk {
    meta:
        description = "A file encrypted by Ryuk or its forerunner, with its mark near the end"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0446/"
        technique = "T1486"
        score = 85
    strings:
        $ryuk = /[R]YUKTM/
        $hermes = /[H]ERMES/
    condition:
        filesize > 300 and filesize < 1024MB and uint16(0) != 0x5a4d
        and ($ryuk in (filesize - 320 .. filesize) or ($hermes in (filesize - 320 .. filesize - 256) and math.entropy(0, 256) > 7.0))
}

rule Encrypted_File_Phobos {
    meta:
        description = "A file encrypted by Phobos, with its mark as the last bytes"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa24-060a"
        technique = "T1486"
        score = 85
    strings:
        $mark = /[L]OCK96/
    condition:
        filesize > 512 and $mark at filesize - 6
}

rule Encrypted_File_Zeppelin {
    meta:
        description = "A file encrypted by Zeppelin, which begins with its name"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa22-223a"
        technique = "T1486"
        score = 80
    strings:
        $mark = /[Z]EPPELIN/
    condition:
        filesize > 512 and $mark at 0 and math.entropy(64, 1024) > 7.0
}

rule Encrypted_File_Cuba {
    meta:
        description = "A file encrypted by Cuba, whose header begins with its mark"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0625/"
        technique = "T1486"
        score = 85
    strings:
        $mark = /[F]IDEL\.CA/
    condition:
        filesize > 1024 and $mark at 0
}
