// Tunnels and proxies out of the network: settings and command lines.

rule Ngrok_Settings_Remote_Desktop {
    meta:
        description = "Settings of ngrok with a tunnel to remote desktop, shares or shells"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0508/"
        technique = "T1572"
        score = 65
    strings:
        $token = /(^|[\r\n])[ \t]*[a]uthtoken:[ \t]*[0-9A-Za-z_]{20,}/ ascii wide
        $addr = /[\r\n][ \t]+[a]ddr:[ \t]*['\x22]?(tcp:\/\/)?([a-z0-9.-]+:)?(3389|445|22|5985|5900)\b/ ascii wide
        $proto = /[\r\n][ \t]+[p]roto:[ \t]*['\x22]?tcp/ ascii wide
    condition:
        filesize < 64KB and all of them
}

rule Ngrok_Command_Remote_Desktop {
    meta:
        description = "Ngrok opens remote desktop, shares or shells to the internet"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S0508/"
        technique = "T1572"
        score = 65
    strings:
        $line = /[n]grok(\.exe)?\x22?[ \t]+[^\r\n]{0,60}tcp[ \t]+[^\r\n]{0,40}(3389|445|22|5985|5900)\b/ nocase ascii wide
    condition:
        filesize < 1MB and $line
}

rule Frp_Settings_Ini {
    meta:
        description = "Settings of the reverse proxy frp with a proxy to remote desktop, shares or a SOCKS plug-in"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S1144/"
        technique = "T1090"
        score = 65
    strings:
        $common = /(^|[\r\n])\[[c]ommon\]/ ascii wide
        $server = /[\r\n][ \t]*[s]erver_addr[ \t]*=[ \t]*\S{4,}/ ascii wide
        $what = /[\r\n][ \t]*([p]lugin[ \t]*=[ \t]*socks5|[l]ocal_port[ \t]*=[ \t]*(3389|445|22|5985)\b)/ ascii wide
        $remote = /[\r\n][ \t]*[r]emote_port[ \t]*=[ \t]*[0-9]{2,5}/ ascii wide
    condition:
        filesize < 64KB and all of them
}

rule Frp_Settings_Toml {
    meta:
        description = "Settings of the reverse proxy frp (TOML) with a proxy to remote desktop, shares or a SOCKS plug-in"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/software/S1144/"
        technique = "T1090"
        score = 65
    strings:
        $server = /(^|[\r\n])[ \t]*[s]erverAddr[ \t]*=[ \t]*['\x22]\S{4,}/ ascii wide
        $proxies = /[\r\n][ \t]*\[\[[p]roxies\]\]/ ascii wide
        $what = /[\r\n][ \t]*([t]ype[ \t]*=[ \t]*['\x22]socks5|[l]ocalPort[ \t]*=[ \t]*(3389|445|22|5985)\b)/ ascii wide
        $remote = /[\r\n][ \t]*[r]emotePort[ \t]*=[ \t]*[0-9]{2,5}/ ascii wide
    condition:
        filesize < 64KB and all of them
}

rule Chisel_Command {
    meta:
        description = "Chisel carries a reverse tunnel out of the network"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://github.com/jpillora/chisel"
        technique = "T1572"
        score = 70
    strings:
        $client = /[c]hisel[a-z0-9_.-]{0,24}(\.exe)?\x22?[ \t]+[^\r\n]{0,40}client[ \t]+[^\r\n]{0,160}\bR:((127\.0\.0\.1|0\.0\.0\.0):)?(socks|[0-9]{2,5})\b/ nocase ascii wide
        $server = /[c]hisel[a-z0-9_.-]{0,24}(\.exe)?\x22?[ \t]+[^\r\n]{0,40}server[ \t]+[^\r\n]{0,80}--reverse\b/ nocase ascii wide
    condition:
        filesize < 256KB and any of them
}

rule Ligolo_Agent_Command {
    meta:
        description = "An agent of ligolo-ng calls its server without checking its certificate"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://github.com/nicocha30/ligolo-ng"
        technique = "T1572"
        score = 70
    strings:
        $line = /([l]igolo[a-z0-9_.-]{0,24}|\b[a]gent)(\.exe)?\x22?[ \t]+[^\r\n]{0,40}-connect[ \t]+[^\s:]{4,}:[0-9]{2,5}[ \t]+[^\r\n]{0,40}-ignore-cert\b/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule Cloudflared_Token_Tunnel {
    meta:
        description = "Cloudflared is installed with a tunnel token or opens remote desktop to the internet"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://developers.cloudflare.com/cloudflare-one/"
        technique = "T1572"
        score = 60
    strings:
        $token = /[c]loudflared[a-z0-9_.-]{0,24}(\.exe)?\x22?[ \t]+[^\r\n]{0,60}(service[ \t]+install|run[ \t]+--token)[ \t]+[e]yJhIjoi[A-Za-z0-9+\/=_-]{60,}/ nocase ascii wide
        $url = /[c]loudflared[a-z0-9_.-]{0,24}(\.exe)?\x22?[ \t]+[^\r\n]{0,60}tunnel[ \t]+[^\r\n]{0,60}--url[ \t]+(rdp|smb|ssh|tcp):\/\// nocase ascii wide
    condition:
        filesize < 256KB and any of them
}

rule Gost_Command {
    meta:
        description = "The proxy gost forwards into another proxy"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://github.com/go-gost/gost"
        technique = "T1090"
        score = 60
    strings:
        $line = /\b[g]ost[a-z0-9_.-]{0,24}(\.exe)?\x22?[ \t]+[^\r\n]{0,40}-L[ =]?\S{3,}[ \t]+[^\r\n]{0,60}-F[ =]?\x22?(socks5|relay|http2|h2|wss|mwss|tls|quic)[+a-z0-9]{0,10}:\/\// nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule Plink_Reverse_Tunnel {
    meta:
        description = "PuTTY's link program opens a port of this network at a distant server, with the password in the command line"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1572/"
        technique = "T1572"
        score = 75
    strings:
        $line = /[p]link[a-z0-9_.-]{0,24}(\.exe)?\x22?[ \t]+[^\r\n]{0,200}-R[ \t]?([0-9.]+:)?[0-9]{2,5}:[a-z0-9.-]+:[0-9]{2,5}\b/ nocase ascii wide
        $password = /[ \t]-pw[ \t]+\S{3,}/ ascii wide
    condition:
        filesize < 256KB and all of them
}

rule Ssh_Reverse_Tunnel_Remote_Desktop {
    meta:
        description = "SSH opens remote desktop, shares or a proxy of this network at a distant server"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1572/"
        technique = "T1572"
        score = 65
    strings:
        $line = /\b[s]sh(\.exe)?\x22?[ \t]+[^\r\n]{0,160}-R[ \t]?(\*:|[0-9.]+:)?[0-9]{2,5}(:[a-z0-9.-]+:(3389|445|5985|135|88))?[ \t]/ nocase ascii wide
        $blind = /[S]trictHostKeyChecking[= ]no/ nocase ascii wide
        $background = /[ \t]-[a-z]{0,4}[fN][a-z]{0,4}[ \t]|schtasks|nssm(\.exe)?\x22?[ \t]+install|Hidden\b/ ascii wide
    condition:
        filesize < 256KB and all of them
}

rule Netsh_Port_Proxy {
    meta:
        description = "Windows forwards a port to remote desktop or shares of another host"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1090/001/"
        technique = "T1090.001"
        score = 60
    strings:
        $line = /[n]etsh(\.exe)?\x22?[ \t]+interface[ \t]+portproxy[ \t]+add[ \t]+v4tov4[ \t][^\r\n]{0,200}connectport=(3389|445|5985|22)\b/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule Reverse_Socks_Command {
    meta:
        description = "A small reverse SOCKS client calls its server with a password"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://github.com/kost/revsocks"
        technique = "T1090"
        score = 65
    strings:
        $line = /([r]evsocks|[r]socks|[s]towaway[a-z_]*|[r]pivot|iox)(\.exe)?\x22?[ \t]+[^\r\n]{0,60}(-connect|-c|--server-ip|-r)[ \t]+[^\s:]{4,}(:[0-9]{2,5})?[ \t]+[^\r\n]{0,60}(-pass|-s|--server-port|-k)[ \t]+\S{3,}/ nocase ascii wide
    condition:
        filesize < 256KB and $line
}

rule Dns_Tunnel_Command {
    meta:
        description = "A tunnel inside DNS queries is opened"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://attack.mitre.org/techniques/T1071/004/"
        technique = "T1071.004"
        score = 65
    strings:
        $dnscat = /[d]nscat2?(\.exe)?\x22?[ \t]+[^\r\n]{0,80}--(secret|dns)[= ]\S{4,}/ nocase ascii wide
        $iodine = /\b[i]odine(\.exe)?\x22?[ \t]+[^\r\n]{0,40}-P[ \t]?\S{3,}[ \t]+[^\r\n]{0,40}[a-z0-9-]+\.[a-z]{2,}/ nocase ascii wide
    condition:
        filesize < 256KB and any of them
}

rule Tailscale_Unattended_Key {
    meta:
        description = "Tailscale joins a network by key and opens routes, without anyone at the screen"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://tailscale.com/kb/"
        technique = "T1572"
        score = 55
    strings:
        $line = /[t]ailscale(\.exe)?\x22?[ \t]+up[ \t]+[^\r\n]{0,120}--auth-?key[= ]\x22?tskey-[a-z]{4,8}-[A-Za-z0-9-]{16,}/ nocase ascii wide
        $how = /--(unattended|advertise-routes|advertise-exit-node|ssh)\b/ nocase ascii wide
    condition:
        filesize < 256KB and all of them
}

rule Proxychains_Settings {
    meta:
        description = "Settings of proxychains that lead through a local SOCKS port"
        author = "wardround"
        date = "2026-11-25"
        reference = "https://github.com/rofl0r/proxychains-ng"
        technique = "T1090"
        score = 40
    strings:
        $list = /[\r\n]\[[P]roxyList\]/ ascii wide
        $socks = /[\r\n][ \t]*socks[45][ \t]+127\.0\.0\.1[ \t]+(1080|9050|1090|10[0-9]{2,3})\b/ ascii wide
        $chain = /[\r\n][ \t]*(strict|dynamic|random)_chain[ \t]*[\r\n]/ ascii wide
    condition:
        filesize < 64KB and all of them
}
