# SPDX-License-Identifier: Apache-2.0
# The versions that are built. A newer one: change it here, and run `./test kubernetes --long`.
# shellcheck disable=SC2034 # used by those that source this file

kubernetes_newest=1.37.2
# In the order in which they are built: the API server is needed first, and the others share most of its packages.
kubernetes_programs=(kube-apiserver kube-controller-manager kubelet kubectl kube-scheduler kube-proxy)
helm_package=helm.sh/helm/v4/cmd/helm@v4.3.1
