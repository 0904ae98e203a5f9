//! Packs rules, indicators and profiles into one compressed file that the program carries.
//!
//! Compressed, because a program with these texts in plain sight would be taken for what they describe, by
//! anti-virus products and by wardround itself. `src/model/assets.rs` reads it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// Folder, and the extensions of the files that are packed from it.
const PACKED: &[(&str, &[&str])] = &[("iocs", &["txt", "json"]), ("signatures/clues", &["json"]), ("signatures/yara", &["yar"])];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    println!("cargo::rerun-if-changed=build.rs");
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    for (folder, extensions) in PACKED {
        // Cargo looks at everything below a folder.
        println!("cargo::rerun-if-changed={folder}");
        let mut files = Vec::new();
        collect(&root.join(folder), folder, extensions, &mut files)?;
        // By their names, so that every machine packs the same bytes.
        files.sort();
        for (name, path) in files {
            // A checkout may have other line ends; the program must not.
            let text = fs::read_to_string(&path)?.replace("\r\n", "\n");
            for part in [name.as_bytes(), text.as_bytes()] {
                let length = u32::try_from(part.len()).map_err(io::Error::other)?;
                encoder.write_all(&length.to_le_bytes())?;
                encoder.write_all(part)?;
            }
        }
    }
    fs::write(out.join("assets.bin"), encoder.finish()?)
}

fn collect(dir: &Path, name: &str, extensions: &[&str], files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let Some(base) = path.file_name().and_then(|n| n.to_str()) else { continue };
        let name = format!("{name}/{base}");
        if path.is_dir() {
            collect(&path, &name, extensions, files)?;
        } else if path.extension().and_then(|e| e.to_str()).is_some_and(|e| extensions.contains(&e)) {
            files.push((name, path));
        }
    }
    Ok(())
}
