{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/* The arguments, probes and volumes of masqd. */}}

{{- define "masq.list" -}}
{{- if kindIs "slice" . -}}{{- join "," . -}}{{- else -}}{{- default "" . -}}{{- end -}}
{{- end }}

{{/* masqd would refuse these at its start. */}}
{{- define "masq.contradictions" -}}
{{- $datapath := include "masq.datapath" . -}}
{{- if and (eq $datapath "bpf") .Values.egressMasqueradeInterfaces -}}
{{- fail "egressMasqueradeInterfaces is for the datapaths nftables and iptables: with bpf set devices" -}}
{{- end -}}
{{- if and (has $datapath (list "nftables" "iptables")) .Values.natMaxMappings -}}
{{- fail (printf "natMaxMappings is for the datapath bpf: with %s set the sysctls of conntrack" $datapath) -}}
{{- end -}}
{{- end }}

{{- define "masq.args" -}}
{{- include "masq.contradictions" . -}}
- --datapath={{ include "masq.datapath" . }}
- --enable-ipv4-masquerade={{ ne (toString .Values.enableIPv4Masquerade) "false" }}
- --enable-ipv6-masquerade={{ ne (toString .Values.enableIPv6Masquerade) "false" }}
{{- with .Values.ipv4PodCIDR }}
- --ipv4-pod-cidr={{ include "masq.list" . }}
{{- end }}
{{- with .Values.ipv6PodCIDR }}
- --ipv6-pod-cidr={{ include "masq.list" . }}
{{- end }}
{{- with .Values.ipv4NativeRoutingCIDR }}
- --ipv4-native-routing-cidr={{ include "masq.list" . }}
{{- end }}
{{- with .Values.ipv6NativeRoutingCIDR }}
- --ipv6-native-routing-cidr={{ include "masq.list" . }}
{{- end }}
{{- if .Values.enableMasqueradeRouteSource }}
- --enable-masquerade-to-route-source=true
{{- end }}
{{- if .Values.enableRemoteNodeMasquerade }}
- --enable-remote-node-masquerade=true
{{- end }}
{{- with .Values.devices }}
- --devices={{ include "masq.list" . }}
{{- end }}
{{- with .Values.egressMasqueradeInterfaces }}
- --egress-masquerade-interfaces={{ include "masq.list" . }}
{{- end }}
{{- with .Values.natMaxMappings }}
- --nat-max-mappings={{ int . }}
{{- end }}
{{- if include "masq.agentSource" . }}
- --enable-ip-masq-agent=true
{{- end }}
{{- if eq (include "masq.agentSource" .) "api" }}
- --ip-masq-agent-config-map={{ .Release.Namespace }}/ip-masq-agent
{{- end }}
{{- if include "masq.prometheusEnabled" . }}
- --prometheus-serve-addr=[$(HOST_IP)]:{{ include "masq.prometheusPort" . }}
{{- end }}
- --log-level={{ default "info" .Values.logLevel }}
- --log-format={{ default "json" .Values.logFormat }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}

{{/* masq.probe [CONTEXT, PATH, FLAG]: over HTTP, if masqd serves it, else by the agent's socket. */}}
{{- define "masq.probe" -}}
{{- $root := index . 0 -}}
{{- if include "masq.prometheusEnabled" $root -}}
httpGet: {path: {{ index . 1 }}, port: metrics}
{{- else -}}
exec: {command: [masq, status, {{ index . 2 }}]}
{{- end -}}
{{- end }}

{{/*
The start and the life of masqd do not depend on problems: a node without an uplink, or with a rejected file, gains nothing from a
restart. An agent under load may answer late: it is restarted after three minutes without an answer.
*/}}
{{- define "masq.probes" -}}
startupProbe:
  {{- include "masq.probe" (list . "/healthz" "--alive") | nindent 2 }}
  periodSeconds: 2
  timeoutSeconds: 10
  failureThreshold: 90
livenessProbe:
  {{- include "masq.probe" (list . "/healthz" "--alive") | nindent 2 }}
  periodSeconds: 30
  timeoutSeconds: 30
  failureThreshold: 6
readinessProbe:
  {{- include "masq.probe" (list . "/readyz" "--ready") | nindent 2 }}
  periodSeconds: 10
  timeoutSeconds: 10
  failureThreshold: 3
{{- end }}

{{- define "masq.restrictedContext" -}}
privileged: false
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsUser: 0
runAsGroup: 0
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "masq.pullSecrets" -}}
{{- with .Values.imagePullSecrets -}}
imagePullSecrets:
{{- range . }}
  - name: {{ ternary (get (ternary . dict (kindIs "map" .)) "name") . (kindIs "map" .) }}
{{- end }}
{{- end }}
{{- end }}

{{/* masq.number [VALUE, DEFAULT]: of a value that may be missing, and may be 0. */}}
{{- define "masq.number" -}}
{{- ternary (index . 1) (index . 0) (kindIs "invalid" (index . 0)) | int -}}
{{- end }}

{{- define "masq.priority" -}}
{{- $name := ternary "system-node-critical" .Values.priorityClassName (kindIs "invalid" .Values.priorityClassName) -}}
{{- with $name -}}priorityClassName: {{ . }}{{- end -}}
{{- end }}

{{- define "masq.pullPolicy" -}}
{{- $image := .Values.image | default dict -}}
{{- default "IfNotPresent" $image.pullPolicy -}}
{{- end }}
