//! The rules inside the program.

/// Name and source of each file of the pack, in the order of their names.
pub(super) static PACK: &[(&str, &str)] = &[
    ("credentials.yar", include_str!("../../signatures/yara/credentials.yar")),
    ("eicar.yar", include_str!("../../signatures/yara/eicar.yar")),
    ("exfiltration.yar", include_str!("../../signatures/yara/exfiltration.yar")),
    ("lateral_movement.yar", include_str!("../../signatures/yara/lateral_movement.yar")),
    ("ransomware.yar", include_str!("../../signatures/yara/ransomware.yar")),
    ("wardround_demo.yar", include_str!("../../signatures/yara/wardround_demo.yar")),
    ("webshells.yar", include_str!("../../signatures/yara/webshells.yar")),
];
