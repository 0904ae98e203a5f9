//! Which system of codes a column's header claims, and whether its values are written as codes of it.
//!
//! Forms of single codes prove nothing (`99213` is a procedure and a ZIP code): a header and nine in ten values together do.

use crate::phi::identifiers as id;

/// A system of codes that says health; what a header calls diagnosis or procedure may be of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum System {
    Icd10cm,
    Icd10pcs,
    Icd9,
    /// ICD of either edition.
    Icd,
    /// CPT or HCPCS, or a procedure of ICD.
    Procedure,
    Ndc,
    Loinc,
    Snomed,
    Rxnorm,
    Cvx,
}

impl System {
    pub const ALL: [Self; 10] = [
        Self::Icd10cm,
        Self::Icd10pcs,
        Self::Icd9,
        Self::Icd,
        Self::Procedure,
        Self::Ndc,
        Self::Loinc,
        Self::Snomed,
        Self::Rxnorm,
        Self::Cvx,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Icd10cm => "ICD-10-CM",
            Self::Icd10pcs => "ICD-10-PCS",
            Self::Icd9 => "ICD-9-CM",
            Self::Icd => "ICD",
            Self::Procedure => "CPT or HCPCS",
            Self::Ndc => "NDC",
            Self::Loinc => "LOINC",
            Self::Snomed => "SNOMED CT",
            Self::Rxnorm => "RxNorm",
            Self::Cvx => "CVX",
        }
    }

    /// Whether a value of the form is more than a short number.
    pub fn tells(self) -> bool {
        !matches!(self, Self::Rxnorm | Self::Cvx)
    }

    pub fn fits(self, text: &str) -> bool {
        let icd10 = || id::icd10cm(text).is_some();
        let icd9 = || id::icd9cm(text) || id::icd9cm_bare(text);
        match self {
            Self::Icd10cm => icd10(),
            Self::Icd10pcs => id::icd10pcs(text),
            Self::Icd9 => icd9(),
            Self::Icd => icd10() || icd9(),
            Self::Procedure => id::cpt(text) || id::hcpcs(text) || id::icd10pcs(text),
            Self::Ndc => id::ndc(text) || id::ndc_bare(text),
            Self::Loinc => id::loinc(text),
            Self::Snomed => id::snomed(text),
            Self::Rxnorm => (2..=8).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit()),
            Self::Cvx => (1..=3).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_under_their_headers() {
        for (system, yes, no) in [
            (System::Icd10cm, &["E11.9", "I10", "S72001A"][..], &["250.00", "99213"][..]),
            (System::Icd10pcs, &["0DTJ4ZZ", "B2110ZZ"], &["0DTI4ZZ", "0DTJ4Z"]),
            (System::Icd9, &["250.00", "25000", "V58.69", "E8859"], &["E11.9x", "12"]),
            (System::Icd, &["E11.9", "250.00", "4019"], &["ABC"]),
            (System::Procedure, &["99213", "99213-25", "0001F", "0042T", "J1100", "0DTJ4ZZ"], &["9921", "ABCDE"]),
            (System::Ndc, &["0002-1433-80", "00002143380", "123456-1234-12", "123456123412"], &["12.50", "2024-01-02"]),
            (System::Loinc, &["2345-7"], &["2345-6"]),
            (System::Snomed, &["73211009"], &["73211008"]),
            (System::Rxnorm, &["197361"], &["1", "x"]),
            (System::Cvx, &["140", "08"], &["1400"]),
        ] {
            assert!(yes.iter().all(|t| system.fits(t)), "{system:?}");
            assert!(!no.iter().any(|t| system.fits(t)), "{system:?}");
        }
    }
}
