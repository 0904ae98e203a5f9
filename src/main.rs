//! The wardround program: see `wardround --help`.
#![forbid(unsafe_code)]

fn main() -> wardround::cli::Exit {
    wardround::cli::run()
}
