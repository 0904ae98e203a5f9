#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| wardround_fuzz::executable(data));
