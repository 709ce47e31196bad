# SPDX-License-Identifier: BSD-2-Clause
# Plots what bench.mjs wrote to the file: gnuplot -e "data='F'; term='svg'; out='F.svg'"
set terminal term size 900,420 noenhanced
set output out
set style data histogram
set style fill solid 0.8
set logscale y
set grid ytics
set xtics rotate by -20
set ylabel 'us in which the call blocks the loop, median'
set key above
set title 'Launching /bin/true from Node, 16 in flight'
set boxwidth 0.8
plot "< grep '\" 16 0 ' ".data using ($0):5:xtic(1) with boxes title 'small host', \
     "< grep '\" 16 1024 ' ".data using ($0 + 5):5:xtic(1) with boxes \
     title 'host with 1 GiB of Buffers'
