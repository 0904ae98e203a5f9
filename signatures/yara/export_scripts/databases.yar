// Scripts that take patient tables out of databases.

rule Sql_Patient_Query_To_File {
    meta:
        description = "A command writes a query on patient tables into a file; also the way of reports"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1213/006/"
        technique = "T1213.006"
        score = 45
    strings:
        $line = /([s]qlcmd|[o]sql|isql)(\.exe)?\x22?[ \t]+[^\r\n]{0,240}\b(select|from)\b[^\r\n]{0,200}(patient|encounter|guarantor|insurance|claim|diagnos|chart)[^\r\n]{0,240}[ \t]-o[ \t]/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule Bcp_Patient_Table {
    meta:
        description = "The bulk copy program writes a patient table into a file"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://learn.microsoft.com/en-us/sql/tools/bcp-utility"
        technique = "T1213.006"
        score = 45
    strings:
        $line = /\b[b]cp(\.exe)?\x22?[ \t]+[^\r\n]{0,200}(patient|encounter|guarantor|insurance|claim|diagnos|chart)[^\r\n]{0,200}\b(queryout|out)[ \t]+\x22?[^\r\n]{0,200}-[cnw]\b/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule Database_Export_To_Staging {
    meta:
        description = "Patient tables are written into a folder where nobody keeps exports"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1074/001/"
        technique = "T1074.001"
        score = 70
    strings:
        $tool = /\b([s]qlcmd|[b]cp|[m]ysqldump|[p]g_dump|[e]xpdp|[m]ongoexport|[I]nvoke-Sqlcmd|[s]qlite3)(\.exe)?[\x22' \t]/ nocase ascii wide
        $table = /\b(dbo\.|from[ \t]+|-t[ \t]+|--table[= ]|--collection[= ]|ehr|emr)[a-z0-9_.\[]{0,24}(patient|encounter|guarantor|insurance|demographic|claim)/ nocase ascii wide
        $place = /[A-Z]:\\(PerfLogs|Users\\Public|Windows\\(Temp|Debug|Tasks|Tracing)|ProgramData|Intel|AMD|\$Recycle\.Bin)\\[^\r\n]{0,120}\.(csv|txt|sql|bak|dmp|json|zip|7z|dat)\b/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}

rule Database_Export_To_Locked_Archive {
    meta:
        description = "A database export of patients is packed with a password"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1560/001/"
        technique = "T1560.001"
        score = 70
    strings:
        $tool = /\b([s]qlcmd|[b]cp|[m]ysqldump|[p]g_dump|[e]xpdp|[m]ongodump|[m]ongoexport|[I]nvoke-Sqlcmd)(\.exe)?[\x22' \t]/ nocase ascii wide
        $table = /(patient|encounter|guarantor|medical|ehr|emr|openemr|clarity)/ nocase ascii wide
        $pack = /([r]ar|7z[ar]?)(\.exe)?\x22?[ \t]+a[ \t][^\r\n]{0,160}-h?p[^\s-]\S{2,}/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}

rule Mysql_Dump_Sent_Away {
    meta:
        description = "A dump of a health database is sent straight to another host"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1048/"
        technique = "T1048"
        score = 65
    strings:
        $line = /\b[m]ysqldump\b[^\r\n]{0,200}(openemr|openmrs|ehr|emr|patient|clinic|hospital|medical)[^\r\n]{0,160}\|[ \t]*[^\r\n]{0,80}\b(nc|ncat|curl|ssh|socat)[ \t]/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule Postgres_Dump_Sent_Away {
    meta:
        description = "A dump of a health database is sent straight to another host"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1048/"
        technique = "T1048"
        score = 65
    strings:
        $line = /\b[p]g_dump(all)?\b[^\r\n]{0,200}(ehr|emr|patient|clinic|hospital|medical|openmrs|fhir|hapi)[^\r\n]{0,160}\|[ \t]*[^\r\n]{0,80}\b(nc|ncat|curl|ssh|socat)[ \t]/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule Sql_Server_Backup_To_Staging {
    meta:
        description = "A copy-only backup of a database is written into a folder where nobody keeps backups"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1074/001/"
        technique = "T1074.001"
        score = 65
    strings:
        $line = /\b[b]ackup[ \t]+database[ \t]+\[?[a-z0-9_. -]{1,60}\]?[ \t]+to[ \t]+disk[ \t]*=[ \t]*N?'([A-Z]:\\([^'\\]{1,40}\\)?(PerfLogs|Users\\Public|Windows\\(Temp|Debug|Tasks|Tracing)|ProgramData|Intel|AMD|\$Recycle\.Bin)\\|\\\\[0-9.]{7,15}\\)[^\r\n]{0,200}'/ nocase ascii wide
        $copy = /[c]opy_only/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}

rule Oracle_Export_Of_Patients {
    meta:
        description = "Data Pump exports patient tables; also the way of migrations"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1213/006/"
        technique = "T1213.006"
        score = 45
    strings:
        $line = /\b[e]xpdp(\.exe)?\x22?[ \t]+[^\r\n]{0,240}(tables|schemas)[ \t]*=[ \t]*[^\r\n]{0,80}(patient|emr|ehr|encounter|clarity|cerner|clinical)[^\r\n]{0,240}dumpfile[ \t]*=/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule Mongo_Export_Of_Patients {
    meta:
        description = "A document database of patients is exported with credentials in the command line"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1213/006/"
        technique = "T1213.006"
        score = 55
    strings:
        $line = /\b[m]ongo(export|dump)(\.exe)?\x22?[ \t]+[^\r\n]{0,240}(mongodb(\+srv)?:\/\/[^\s:@\/]{1,64}:[^\s@]{1,64}@|(-p|--password)[ =]\S{3,})[^\r\n]{0,240}/ nocase ascii wide
        $what = /(--collection[ =]|-c[ ]|--db[ =]|-d[ ])\x22?[a-z_-]{0,24}(patient|encounter|claim|ehr|emr|clinic)/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}

rule PowerShell_Sql_Patients_Packed {
    meta:
        description = "PowerShell reads patient tables, writes them as a table and packs it"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1560/002/"
        technique = "T1560.002"
        score = 60
    strings:
        $query = /([I]nvoke-Sqlcmd|[S]qlDataAdapter|[S]qlCommand)\b/ nocase ascii wide
        $table = /\bfrom[ \t]+[a-z0-9_.\[\]]{0,40}(patient|encounter|guarantor|insurance|demographic)/ nocase ascii wide
        $csv = /[E]xport-Csv\b/ nocase ascii wide
        $pack = /[C]ompress-Archive\b|\b7z[ar]?(\.exe)?[\x22' \t]/ nocase ascii wide
    condition:
        filesize < 128KB and all of them
}

rule Table_Loop_Export {
    meta:
        description = "A loop over all tables of a database exports each of them"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1213/006/"
        technique = "T1213.006"
        score = 50
    strings:
        $tables = /(information_schema\.tables|sys\.tables|sysobjects[ \t]+where[ \t]+xtype|[a]ll_tables)/ nocase ascii wide
        $loop = /\bfor[ \t]+\/f\b|\bforeach\b|\bwhile\b|sp_msforeachtable/ nocase ascii wide
        $out = /\b[b]cp(\.exe)?\x22?[ \t]+[^\r\n]{0,160}\bout\b|\b[s]qlcmd(\.exe)?\x22?[ \t]+[^\r\n]{0,200}-o[ \t]|xp_cmdshell[^\r\n]{0,80}bcp/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}
