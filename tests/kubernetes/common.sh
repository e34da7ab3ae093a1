# SPDX-License-Identifier: Apache-2.0
# The parts of a cluster and of its scenarios. Needs: state, work, and the settings that `run` wrote into $state/settings.
# shellcheck disable=SC2034 # for the parts

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
support=$here/../support
export LC_ALL=C PYTHONDONTWRITEBYTECODE=1 HOME=$state
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# shellcheck disable=SC1091
. "$state/settings"
tools=$bin family=${families[0]} datapath=kubernetes

control=(nsenter --net=/run/netns/control --)
api_port=6443 etcd_port=2379

for part in report lab traffic watchers; do
  # shellcheck disable=SC1090
  . "$support/$part.sh"
done
for part in names pki control-plane cgroups network node pods services masq facts api events cluster; do
  # shellcheck disable=SC1090
  . "$here/$part.sh"
done

api_advertise=$(address_of control)
api_bind=0.0.0.0
[ "$family" = ipv4 ] || api_bind=::
api_url=https://$(bracketed "$api_advertise"):$api_port
service_ranges=$(prefixes_of services)
pod_ranges=$(prefixes_of pods)
