// The standard anti-virus test file.

rule EICAR_Test_File {
    meta:
        description = "EICAR anti-virus test file; harmless, shows that scanning works"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.eicar.org/download-anti-malware-testfile/"
        technique = "T1204.002"
        score = 80
    strings:
        $eicar = /[X]5O!P%@AP\[4\\PZX54\(P\^\)7CC\)7\}\$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!\$H\+H\*/
    condition:
        // The definition allows white space up to 128 bytes in all.
        $eicar at 0 and filesize <= 128
}
