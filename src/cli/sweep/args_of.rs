//! A command line, put together.

use std::ffi::{OsStr, OsString};

/// See the module.
pub struct Arguments(Vec<OsString>);

impl Arguments {
    pub fn of<const N: usize>(begin: [&str; N]) -> Self {
        Self(begin.into_iter().map(OsString::from).collect())
    }

    /// A flag with its value, where there is one.
    pub fn with(&mut self, flag: &str, value: &Option<impl AsRef<OsStr>>) -> &mut Self {
        if let Some(value) = value {
            self.0.extend([flag.into(), value.as_ref().to_owned()]);
        }
        self
    }

    pub fn number(&mut self, flag: &str, value: Option<f64>) -> &mut Self {
        self.with(flag, &value.map(|n| n.to_string()))
    }

    /// A flag once for every value.
    pub fn each(&mut self, flag: &str, values: &[impl AsRef<OsStr>]) -> &mut Self {
        values.iter().for_each(|value| self.0.extend([flag.into(), value.as_ref().to_owned()]));
        self
    }

    pub fn flag(&mut self, flag: &str, set: bool) -> &mut Self {
        self.0.extend(set.then(|| flag.into()));
        self
    }

    /// What is no flag, whatever it begins with.
    pub fn rest(&mut self, values: &[impl AsRef<OsStr>]) -> &mut Self {
        self.0.push("--".into());
        self.0.extend(values.iter().map(|v| v.as_ref().to_owned()));
        self
    }

    pub fn take(self) -> Vec<OsString> {
        self.0
    }
}
