// Remote-access tools, installed the way intruders do: silently and with a password of their own.

rule AnyDesk_Silent_Install_Password {
    meta:
        description = "A script installs AnyDesk silently and sets its password"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa24-109a"
        technique = "T1219"
        score = 75
    strings:
        $install = /[a]nydesk(\.exe)?\x22?[ \t]+--install[ \t][^\r\n]{0,160}--(silent|start-with-win)/ nocase ascii wide
        $password = /[e]cho[ \t]+\S{4,64}[ \t]*\|[ \t]*[^\r\n]{0,80}[a]nydesk(\.exe)?\x22?[ \t]+--set-password/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}

rule AnyDesk_Unattended_Settings {
    meta:
        description = "Settings of AnyDesk that let somebody in without consent"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1219/"
        technique = "T1219"
        score = 45
    strings:
        $hash = /[a]d\.anynet\.pwd_hash=[0-9a-f]{32,}/ ascii wide
        $salt = /[a]d\.anynet\.pwd_salt=[0-9a-f]{16,}/ ascii wide
    condition:
        filesize < 256KB and all of them
}

rule Atera_Agent_Free_Mail_Account {
    meta:
        description = "The Atera agent is installed for an account at a free mail service"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1219/"
        technique = "T1219"
        score = 70
    strings:
        $login = /[I]ntegratorLogin=\x22?[^\s\x22@]{1,64}@(gmail|outlook|hotmail|yahoo|proton(mail)?|tutanota|mail2tor|onionmail|gmx|aol|icloud)\.[a-z]{2,5}/ nocase ascii wide
        $quiet = /\/(qn|quiet)\b/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}

rule Splashtop_Hidden_Install {
    meta:
        description = "Splashtop is installed without window and without the person's consent"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://support-splashtopbusiness.splashtop.com/"
        technique = "T1219"
        score = 60
    strings:
        $line = /[S]plashtop_Streamer[^\s]{0,60}\.exe\x22?[ \t]+[^\r\n]{0,60}(prevercheck|\/s)[ \t][^\r\n]{0,160}[h]idewindow=1/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule RustDesk_Silent_Password {
    meta:
        description = "RustDesk is installed silently and given a password"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://rustdesk.com/docs/"
        technique = "T1219"
        score = 60
    strings:
        $install = /[r]ustdesk[^\s]{0,40}\.exe\x22?[ \t]+--silent-install/ nocase ascii wide
        $password = /[r]ustdesk(\.exe)?[\x22']?[ \t]+--password[ \t]+\S{4,}/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}

rule ScreenConnect_Silent_Download {
    meta:
        description = "A script fetches a ScreenConnect client for a relay and installs it silently"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.cisa.gov/news-events/cybersecurity-advisories/aa23-025a"
        technique = "T1219"
        score = 60
    strings:
        $url = /\/[B]in\/[^\s\x22']{0,60}(ClientSetup|ConnectWiseControl)[^\s\x22']{0,40}\.(msi|exe)\?[^\s\x22']{0,200}e=Access&y=Guest/ nocase ascii wide
        $quiet = /msiexec(\.exe)?\x22?[ \t]+[^\r\n]{0,120}\/(qn|quiet)|-[w][ \t]+hidden|-WindowStyle[ \t]+Hidden/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}

rule MeshAgent_Settings {
    meta:
        description = "Settings of a MeshCentral agent"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://meshcentral.com/docs/"
        technique = "T1219"
        score = 45
    strings:
        $name = /(^|[\r\n])[M]eshName=\S/ ascii wide
        $id = /[\r\n][M]eshID=0x[0-9A-F]{64,}/ ascii wide
        $server = /[\r\n][M]eshServer=wss?:\/\// ascii wide
    condition:
        filesize < 64KB and all of them
}

rule NetSupport_Hidden_Client {
    meta:
        description = "Settings of a NetSupport client that hides itself and calls a gateway"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1219/"
        technique = "T1219"
        score = 75
    strings:
        $client = /[\r\n]\[[C]lient\]/ nocase ascii wide
        $silent = /[\r\n][s]ilent=1/ nocase ascii wide
        $tray = /[\r\n][S]ysTray=0/ nocase ascii wide
        $gateway = /[\r\n][G]atewayAddress=[^\s:]{4,}/ nocase ascii wide
        $key = /[\r\n]GSK=\S{8,}/ ascii wide
    condition:
        filesize < 64KB and all of them
}

rule DWAgent_Silent_Install {
    meta:
        description = "DWAgent is installed without a window for an account given in the command line"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.dwservice.net/"
        technique = "T1219"
        score = 55
    strings:
        $line = /[d]wagent[^\s]{0,20}\.exe\x22?[ \t]+-silent[ \t][^\r\n]{0,120}(key|user)=\S{4,}/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule TeamViewer_Host_Silent_Assignment {
    meta:
        description = "TeamViewer Host is installed silently and assigned to an account; also the way of service companies"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://www.teamviewer.com/"
        technique = "T1219"
        score = 40
    strings:
        $line = /[T]eamViewer(_Host)?[^\s]{0,20}\.(msi|exe)\x22?[ \t]+[^\r\n]{0,120}(APITOKEN|CUSTOMCONFIGID|assignment[ \t]+--id)[ \t=]\S{6,}/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule Rdp_Opened_With_New_Account {
    meta:
        description = "A script opens Remote Desktop and its firewall and adds an account"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1021/001/"
        technique = "T1021.001"
        score = 70
    strings:
        $deny = /[f]DenyTSConnections\b[^\r\n]{0,60}(\/d|-Value)[ \t]*0/ nocase ascii wide
        $firewall = /[n]etsh(\.exe)?\x22?[ \t]+advfirewall[ \t]+[^\r\n]{0,120}(remote desktop|3389)|[E]nable-NetFirewallRule[ \t][^\r\n]{0,60}Remote Desktop/ nocase ascii wide
        $account = /\b[n]et1?(\.exe)?\x22?[ \t]+user[ \t]+\S{1,64}[ \t]+\S{1,64}[ \t]+\/add|[N]ew-LocalUser[ \t]/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}

rule Hidden_Administrator_Account {
    meta:
        description = "A script adds an administrator and hides it from the logon screen"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1564/002/"
        technique = "T1564.002"
        score = 80
    strings:
        $account = /\b[n]et1?(\.exe)?\x22?[ \t]+user[ \t]+\S{1,64}[ \t]+\S{1,64}[ \t]+\/add/ nocase ascii wide
        $group = /\b[n]et1?(\.exe)?\x22?[ \t]+localgroup[ \t]+\x22?administrators\x22?[ \t]+\S{1,64}[ \t]+\/add/ nocase ascii wide
        $hide = /[S]pecialAccounts\\UserList\x22?[ \t][^\r\n]{0,120}\/d[ \t]+\x22?0/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}
