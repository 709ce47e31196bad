# SPDX-License-Identifier: BSD-2-Clause
#
# The template's medians divided by posix_spawn's, with 95 % intervals, one line
# for each kind of parent.
#
#	gnuplot -e "data='launch.dat'; out='ratios.svg'; term='svg'" ratios.gp

if (term eq 'svg') set terminal svg size 960,420 font 'sans,13' background 'white'
if (term eq 'png') set terminal pngcairo size 1200,525 font 'sans,12'
set termoption noenhanced
set output out
set datafile separator '\t'

stats data index 0 using 10 nooutput
rows = STATS_records
stats data index 0 using 11 nooutput
low = STATS_min
stats data index 2 using 12 nooutput
high = STATS_max

set border 3 lc rgb '#666666'
set yrange [rows - 0.3 : -0.7]
set xtics nomirror
set ytics nomirror scale 0
set grid xtics lc rgb '#dddddd' lw 0.7
set xlabel 'spawn_template / posix_spawn, ratio of medians (less is better)'
set lmargin 44
set key outside top center horizontal samplen 2
set arrow from 1, graph 0 to 1, graph 1 nohead lc rgb '#666666' dt 2

# Keep 1 in sight, whatever was measured.
set xrange [(low < 0.4 ? low : 0.4) - 0.05 : (high > 1.05 ? high : 1.05) + 0.05]

plot data index 0 using 10:($0 - 0.12):11:12:ytic(1) with xerrorbars \
		pt 7 ps 0.8 lw 1.5 lc rgb '#3a8a4a' title 'caller blocked', \
     data index 2 using 10:($0 + 0.12):11:12 with xerrorbars \
		pt 5 ps 0.7 lw 1.5 lc rgb '#5b8db8' title 'launch to exit'
