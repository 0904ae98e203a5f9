//! CASE 1.x over UCO as JSON-LD: the tool, the examination as an investigative action, the exhibit, and the files that
//! findings are about, each with its digests. `hashMethod` is a plain string and `hashValue` a hexBinary, as UCO 1.4 asks.

use std::collections::BTreeSet;
use std::io::Write;

use serde_json::{Value, json};

use super::uuids::own;
use super::view::{base_name, digests, finished, inert, millis, people, reasons, started, time};
use super::{Export, ExportError};
use crate::report::{FindingRow, OldCase, Report};

pub struct CaseUco;

impl Export for CaseUco {
    fn id(&self) -> &'static str {
        "case"
    }

    fn about(&self) -> &'static str {
        "CASE/UCO JSON-LD: tool, examination, exhibit, files with digests"
    }

    fn extension(&self) -> &'static str {
        "jsonld"
    }

    fn write(&self, case: &OldCase, out: &mut dyn Write) -> Result<(), ExportError> {
        serde_json::to_writer_pretty(&mut *out, &graph(&case.report)?)?;
        Ok(out.write_all(b"\n")?)
    }
}

fn id(kind: &str, parts: &[&str]) -> String {
    let mut all = vec!["case", kind];
    all.extend(parts);
    format!("kb:{kind}-{}", own(&all))
}

fn reference(id: &str) -> Value {
    json!({ "@id": id })
}

fn date(text: String) -> Value {
    json!({ "@type": "xsd:dateTime", "@value": text })
}

fn graph(r: &Report) -> Result<Value, ExportError> {
    let run = [r.host.name.as_str(), r.run.id.as_str()];
    let (tool, performer, host) = (id("tool", &[&r.tool.name, &r.tool.version]), id("identity", &run), id("device", &run));
    let (action, exhibit) = (id("action", &run), id("provenance", &run));
    let mut files = Vec::new();
    let mut annotations = Vec::new();
    let mut seen = BTreeSet::new();
    let (mut held, mut results) = (vec![reference(&host)], vec![reference(&exhibit)]);
    for f in &r.findings {
        let file = id("file", &[run[0], run[1], &f.path]);
        // Several findings can be about one object.
        if seen.insert(file.clone()) {
            files.push(file_node(&file, f));
            held.push(reference(&file));
            results.push(reference(&file));
        }
        let annotation = id("annotation", &[run[0], run[1], &f.id]);
        annotations.push(json!({
            "@id": annotation, "@type": "uco-core:Annotation", "uco-core:object": [reference(&file)],
            "uco-core:tag": [f.level.word(), f.category.id()],
            "uco-core:statement": [statement(f)],
        }));
        results.push(reference(&annotation));
    }
    let examiner = r.case.examiner.as_deref().unwrap_or("not named");
    let mut nodes = vec![
        json!({ "@id": tool, "@type": "uco-tool:Tool", "uco-core:name": inert(&r.tool.name), "uco-tool:version": inert(&r.tool.version) }),
        json!({ "@id": performer, "@type": "uco-identity:Identity", "uco-core:name": inert(examiner) }),
        json!({ "@id": host, "@type": "uco-observable:Device", "uco-core:name": inert(&r.host.name), "uco-core:description": inert(&r.host.os) }),
        json!({
            "@id": action, "@type": "case-investigation:InvestigativeAction",
            "uco-core:name": "Compromise assessment", "uco-core:description": r.verdict(),
            "uco-action:startTime": date(millis(started(r)?)), "uco-action:endTime": date(millis(finished(r)?)),
            "uco-action:instrument": [reference(&tool)], "uco-action:performer": reference(&performer),
            "uco-action:object": [reference(&host)], "uco-action:result": results,
        }),
        json!({
            "@id": exhibit, "@type": "case-investigation:ProvenanceRecord",
            "case-investigation:exhibitNumber": inert(r.case.id.as_deref().unwrap_or(&r.run.id)),
            "uco-core:description": inert(&format!("Findings digest (SHA-256): {}", r.integrity.findings_sha256)),
            "uco-core:object": held,
        }),
    ];
    nodes.extend(files);
    nodes.extend(annotations);
    Ok(json!({
        "@context": {
            "case-investigation": "https://ontology.caseontology.org/case/investigation/",
            "kb": "urn:wardround:kb:",
            "uco-action": "https://ontology.unifiedcyberontology.org/uco/action/",
            "uco-core": "https://ontology.unifiedcyberontology.org/uco/core/",
            "uco-identity": "https://ontology.unifiedcyberontology.org/uco/identity/",
            "uco-observable": "https://ontology.unifiedcyberontology.org/uco/observable/",
            "uco-tool": "https://ontology.unifiedcyberontology.org/uco/tool/",
            "uco-types": "https://ontology.unifiedcyberontology.org/uco/types/",
            "xsd": "http://www.w3.org/2001/XMLSchema#",
        },
        "@graph": nodes,
    }))
}

fn statement(f: &FindingRow) -> String {
    let holds = people(f).map(|p| format!("; {p}")).unwrap_or_default();
    format!("{} (score {} of 100): {}{holds}", inert(&f.title), f.score, reasons(f))
}

fn file_node(file: &str, f: &FindingRow) -> Value {
    let mut facet = json!({
        "@id": id("file-facet", &[file]), "@type": "uco-observable:FileFacet",
        "uco-observable:fileName": inert(base_name(f)), "uco-observable:filePath": inert(&f.path),
    });
    let mut facets = Vec::new();
    if let Some(o) = &f.object {
        let size = json!({ "@type": "xsd:integer", "@value": o.size.to_string() });
        facet["uco-observable:sizeInBytes"] = size.clone();
        let times = [
            ("uco-observable:modifiedTime", &o.times.mtime),
            ("uco-observable:accessedTime", &o.times.atime),
            ("uco-observable:metadataChangeTime", &o.times.ctime),
            ("uco-observable:observableCreatedTime", &o.times.btime),
        ];
        for (key, at) in times {
            if let Some(at) = at.as_deref().and_then(time) {
                facet[key] = date(millis(at));
            }
        }
        let hashes: Vec<Value> = digests(f, ["MD5", "SHA1", "SHA256"])
            .into_iter()
            .filter(|(_, digest)| digest.len().is_multiple_of(2) && digest.bytes().all(|b| b.is_ascii_hexdigit()))
            .map(|(word, digest)| {
                json!({
                    "@id": id("hash", &[file, word, digest]), "@type": "uco-types:Hash", "uco-types:hashMethod": word,
                    "uco-types:hashValue": { "@type": "xsd:hexBinary", "@value": digest },
                })
            })
            .collect();
        if !hashes.is_empty() {
            facets.push(json!({
                "@id": id("content-facet", &[file]), "@type": "uco-observable:ContentDataFacet",
                "uco-observable:sizeInBytes": size, "uco-observable:hash": hashes,
            }));
        }
    }
    facets.insert(0, facet);
    json!({ "@id": file, "@type": "uco-observable:File", "uco-core:hasFacet": facets })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::export::tests::{report, text_of};

    #[test]
    fn nodes_are_there_once_and_references_lead_to_them() {
        let mut report = report();
        let mut again = report.findings[0].clone();
        again.id = "f-0009".into();
        report.findings.push(again);
        let text = text_of(&CaseUco, report);
        let value: Value = serde_json::from_str(&text).unwrap();
        let ids: Vec<&str> = value["@graph"].as_array().unwrap().iter().map(|n| n["@id"].as_str().unwrap()).collect();
        let once: BTreeSet<&&str> = ids.iter().collect();
        assert_eq!(once.len(), ids.len());
        for reference in text.split("\"@id\": \"").skip(1).filter_map(|s| s.split('"').next()) {
            let facet = ["file-facet", "content-facet", "hash"].iter().any(|k| reference.contains(k));
            assert!(facet || ids.contains(&reference), "{reference}");
        }
    }
}
