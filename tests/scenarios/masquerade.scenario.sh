# SPDX-License-Identifier: Apache-2.0
# What masquerading is: pods reach the world under the node's address, and nothing else changes.

scenario "a pod reaches the world as the node"
    masqd starts
    world serves tcp 80
    pod1  connects to world 80
    world saw     node
