{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/* Every value may be missing: helm upgrade --reuse-values gives the values of an earlier chart. */}}

{{- define "masq.name" -}}
{{- default "masq" .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "masq.fullname" -}}
{{- $name := include "masq.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 53 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{/* Never changed: a DaemonSet's selector is immutable. */}}
{{- define "masq.selectorLabels" -}}
app.kubernetes.io/name: {{ include "masq.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "masq.labels" -}}
{{ include "masq.selectorLabels" . }}
{{ include "masq.metaLabels" . }}
{{- end }}

{{/* Those of an object that the DaemonSet's selector must not find. */}}
{{- define "masq.metaLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: masq
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "masq.serviceAccountName" -}}
{{- $account := .Values.serviceAccount | default dict -}}
{{- $isMade := ne (toString (get $account "create")) "false" -}}
{{- default (ternary (include "masq.fullname" .) "default" $isMade) (get $account "name") -}}
{{- end }}

{{- define "masq.image" -}}
{{- $image := .Values.image | default dict -}}
{{- $repository := default "localhost/masq" $image.repository -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end }}

{{/* The datapath as masqd's option has it. Never auto unless it is asked for: nothing changes it by surprise. */}}
{{- define "masq.datapath" -}}
{{- $bpf := .Values.bpf | default dict -}}
{{- if .Values.datapath -}}
{{- .Values.datapath -}}
{{- else if eq (toString (get $bpf "masquerade")) "false" -}}
iptables
{{- else -}}
bpf
{{- end -}}
{{- end }}

{{/* BPF and PERFMON also with rules: the pod may have to take connections over from the datapath bpf. */}}
{{- define "masq.capabilities" -}}
{{- if .Values.capabilities -}}
{{- toJson .Values.capabilities -}}
{{- else if eq (include "masq.datapath" .) "bpf" -}}
["BPF", "NET_ADMIN", "PERFMON"]
{{- else -}}
["BPF", "NET_ADMIN", "NET_RAW", "PERFMON"]
{{- end -}}
{{- end }}

{{- define "masq.prometheusEnabled" -}}
{{- $prometheus := .Values.prometheus | default dict -}}
{{- if $prometheus.enabled -}}true{{- end -}}
{{- end }}

{{- define "masq.prometheusPort" -}}
{{- $prometheus := .Values.prometheus | default dict -}}
{{- default 9965 $prometheus.port | int -}}
{{- end }}

{{/* masq.prometheusPart [CONTEXT, PART]: "true" if this part of prometheus is enabled, and prometheus itself. */}}
{{- define "masq.prometheusPart" -}}
{{- $root := index . 0 -}}
{{- $part := get ($root.Values.prometheus | default dict) (index . 1) | default dict -}}
{{- if and (include "masq.prometheusEnabled" $root) $part.enabled -}}true{{- end -}}
{{- end }}

{{- define "masq.agentSource" -}}
{{- $agent := .Values.ipMasqAgent | default dict -}}
{{- if $agent.enabled -}}{{- default "file" $agent.source -}}{{- end -}}
{{- end }}
