#Requires -RunAsAdministrator
# Installs the sweep on this machine: program, policy, task. Run it again to update; -Remove takes it away and leaves the
# cases.
param(
    [string]$Program = (Join-Path $PSScriptRoot 'wardround.exe'),
    [string]$Policy = (Join-Path $PSScriptRoot 'policy.toml'),
    [switch]$Remove
)
$ErrorActionPreference = 'Stop'
$bin = Join-Path $env:ProgramFiles 'wardround'
$data = Join-Path $env:ProgramData 'wardround'
$task = @{ TaskPath = '\wardround\'; TaskName = 'sweep' }

if ($Remove) {
    Unregister-ScheduledTask @task -Confirm:$false -ErrorAction SilentlyContinue
    Remove-Item -Recurse -Force $bin -ErrorAction SilentlyContinue
    return
}

New-Item -ItemType Directory -Force $bin, $data | Out-Null
# Cases are confidential: the system and administrators alone, by their well-known SIDs.
& icacls $data /inheritance:r /grant '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' | Out-Null
if ($LASTEXITCODE -ne 0) { throw "The rights of $data could not be set." }
Copy-Item -Force $Program (Join-Path $bin 'wardround.exe')
Copy-Item -Force $Policy (Join-Path $data 'policy.toml')

& (Join-Path $bin 'wardround.exe') sweep --policy (Join-Path $data 'policy.toml') --check
if ($LASTEXITCODE -ne 0) { throw 'The policy is not accepted; no task was installed.' }
$xml = Get-Content -Raw (Join-Path $PSScriptRoot 'wardround-sweep.xml')
Register-ScheduledTask @task -Xml $xml -Force | Out-Null
