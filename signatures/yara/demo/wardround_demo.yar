// A harmless marker for demonstrations and tests.

rule Wardround_Demo_Marker {
    meta:
        description = "Harmless demonstration marker of wardround; shows that scanning works"
        author = "wardround"
        date = "2026-11-25"
        reference = "README.md"
        technique = "T1204.002"
        score = 80
    strings:
        $marker = /[W]ARDROUND-DEMO-YARA-MARKER/
    condition:
        // A cache of compiled rules holds the pattern itself.
        $marker and filesize < 1MB and uint32be(0) != 0x57525255
}
