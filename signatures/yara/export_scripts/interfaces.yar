// Scripts that take patients out of interfaces: FHIR, DICOM, HL7, integration engines.

rule Fhir_Bulk_Export_Script {
    meta:
        description = "A script asks a FHIR server for all its patients and fetches the files"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://hl7.org/fhir/uv/bulkdata/"
        technique = "T1213"
        score = 50
    strings:
        $export = /\/\$[e]xport\b|%24[e]xport\b/ nocase ascii wide
        $async = /[P]refer:?['\x22]?[ \t]*[:=]?[ \t]*['\x22]?respond-async/ nocase ascii wide
        $tool = /\b(curl|wget|Invoke-WebRequest|Invoke-RestMethod|requests\.get)\b/ ascii wide
        $loop = /\b(for|while|foreach|until)\b/ nocase ascii wide
        $path = /([A-Z]:\\|\\\\[A-Za-z0-9._-]{1,63}\\|\/tmp\/|\/dev\/shm\/)/ nocase ascii wide
    condition:
        filesize < 64KB and all of them
}

rule Fhir_Patient_Page_Loop {
    meta:
        description = "A script pages through all patients of a FHIR server into files"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://hl7.org/fhir/http.html#paging"
        technique = "T1213"
        score = 50
    strings:
        $page = /\/Patient\?[^\s'\x22]{0,60}_count=[0-9]{3,4}\b/ nocase ascii wide
        $next = /\b(relation|rel)\b[^\r\n]{0,40}\bnext\b/ nocase ascii wide
        $loop = /\b(while|until|do)\b/ nocase ascii wide
        $out = />[> \t]{0,3}\S{4}|Out-File|Add-Content|\.write\(/ nocase ascii wide
        $tool = /\b(curl|wget|Invoke-RestMethod)\b/ nocase ascii wide
    condition:
        filesize < 32KB and all of them
}

rule Dicom_Retrieve_Loop {
    meta:
        description = "A loop fetches studies from an image archive"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://support.dcmtk.org/docs/"
        technique = "T1213"
        score = 55
    strings:
        $get = /\b([g]etscu|[m]ovescu)(\.exe)?[\x22' \t][^\r\n]{0,240}QueryRetrieveLevel=(STUDY|PATIENT|SERIES)/ nocase ascii wide
        $loop = /\b(for|while|foreach)\b/ nocase ascii wide
        $out = /(-od|--output-directory|\+P|--port)[ \t]/ ascii wide
    condition:
        filesize < 64KB and all of them
}

rule Dicom_Retrieve_Packed_Or_Sent {
    meta:
        description = "Images are fetched from an archive, packed and sent"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1560/001/"
        technique = "T1560.001"
        score = 65
    strings:
        $get = /\b([g]etscu|[m]ovescu|[f]indscu)(\.exe)?[\x22' \t]/ nocase ascii wide
        $pack = /([r]ar|7z[ar]?)(\.exe)?\x22?[ \t]+a[ \t][^\r\n]{0,160}-h?p[^\s-]\S{2,}|[r]clone(\.exe)?\x22?[ \t]+(copy|sync)|[c]url(\.exe)?\x22?[ \t]+[^\r\n]{0,80}(-T|--upload-file)[ \t]/ nocase ascii wide
        $level = /QueryRetrieveLevel=/ ascii wide
    condition:
        filesize < 64KB and all of them
}

rule Orthanc_Archive_Loop {
    meta:
        description = "A loop fetches the archives of all patients or studies from an Orthanc server"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://orthanc.uclouvain.be/book/users/rest.html"
        technique = "T1213"
        score = 55
    strings:
        $fetch = /\b(curl|wget|Invoke-WebRequest)\b[^\r\n]{0,200}\/(patients|studies)\/[^\s\/]{1,60}\/archive\b/ nocase ascii wide
        $loop = /\b(for|while|foreach)\b/ nocase ascii wide
    condition:
        filesize < 64KB and all of them
}

rule Hl7_Traffic_Capture {
    meta:
        description = "HL7 messages are copied off the wire into a file"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1040/"
        technique = "T1040"
        score = 60
    strings:
        $listen = /\b([t]cpdump|[t]shark|[d]umpcap|[p]ktmon|windump)(\.exe)?\x22?[ \t]+[^\r\n]{0,160}\b(2575|6661)\b/ nocase ascii wide
        $file = /(-w|--file-name|-r|file)[ \t]*[^\s]{1,120}\.(pcap(ng)?|cap|hl7|etl)\b/ nocase ascii wide
    condition:
        filesize < 64KB and all of them
}

rule Hl7_Listener_To_File {
    meta:
        description = "A plain listener collects HL7 messages into a file"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1040/"
        technique = "T1040"
        score = 55
    strings:
        $line = /\b(nc|ncat|socat)(\.exe)?[\x22' \t][^\r\n]{0,80}(-l[a-z]{0,3}[ \t][^\r\n]{0,20}|TCP-LISTEN:)(2575|6661)\b[^\r\n]{0,120}>{1,2}[ \t]*\S/ nocase ascii wide
    condition:
        filesize < 64KB and $line
}

rule Mirth_Channel_To_Staging {
    meta:
        description = "A channel of an integration engine writes messages into a folder where nobody keeps them"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://docs.nextgen.com/"
        technique = "T1020"
        score = 70
    strings:
        $channel = /<channel version=\x22[0-9.]+\x22>/ ascii wide
        $writer = /<transportName>[F]ile Writer<\/transportName>/ ascii wide
        $place = /<(host|directory)>[A-Z]:[\\\/]([^<]{1,40}[\\\/])?(PerfLogs|Users[\\\/]Public|Windows[\\\/](Temp|Debug|Tasks)|Intel|\$Recycle\.Bin)/ nocase ascii wide
    condition:
        filesize < 16MB and all of them
}

rule Mirth_Channel_Sends_Outside {
    meta:
        description = "A channel of an integration engine sends messages to a bare address over HTTP"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://docs.nextgen.com/"
        technique = "T1020"
        score = 50
    strings:
        $channel = /<channel version=\x22[0-9.]+\x22>/ ascii wide
        $sender = /<transportName>[H]TTP Sender<\/transportName>/ ascii wide
        $host = /<host>https?:\/\/[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}[:\/<]/ ascii wide
        $private = /<host>https?:\/\/(10\.|127\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.)/ ascii wide
    condition:
        filesize < 16MB and $channel and $sender and #host > #private
}

rule OpenEMR_Credentials_And_Dump {
    meta:
        description = "A script takes the database password of OpenEMR and dumps its database"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.open-emr.org/"
        technique = "T1552.001"
        score = 60
    strings:
        $config = /[s]qlconf\.php/ nocase ascii wide
        $dump = /\b[m]ysqldump\b/ nocase ascii wide
        $way = /(\/tmp\/|\/dev\/shm\/|\/var\/www\/|curl[ \t]|\bnc[ \t]|base64)/ nocase ascii wide
        $grep = /\b(grep|awk|sed|cat)\b[^\r\n]{0,80}[s]qlconf\.php/ nocase ascii wide
    condition:
        filesize < 64KB and all of them
}

rule Iris_Global_Export {
    meta:
        description = "Globals or tables of a Caché or IRIS database are exported from the command line"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://docs.intersystems.com/"
        technique = "T1213.006"
        score = 50
    strings:
        $session = /\b([i]ris[ \t]+session|[c]session|[i]rissession|[c]cache)[ \t]/ nocase ascii wide
        $export = /%Library\.Global\)\.Export\(|\^%GO\b|\^%GOGEN\b|%SQL\.Export\.Mgr/ nocase ascii wide
    condition:
        filesize < 64KB and all of them
}
