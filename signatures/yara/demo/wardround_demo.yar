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
        $marker = { 57 41 52 44 52 4F 55 4E 44 2D 44 45 4D 4F 2D 59 41 52 41 2D 4D 41 52 4B 45 52 }
    condition:
        // A cache of compiled rules holds the pattern itself.
        $marker and filesize < 1MB and uint32be(0) != 0x57525255
}
