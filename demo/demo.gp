# SPDX-License-Identifier: BSD-2-Clause
#
# Two panels: the upper one has the time for which each tool's launch blocks the
# caller, both ways, the lower one the ratio of launch to exit with its 95 % interval.
#
#	gnuplot -e "data='demo.dat'; out='demo.svg'; term='svg'" demo.gp

if (term eq 'svg') set terminal svg size 960,640 font 'sans,13' background 'white'
if (term eq 'png') set terminal pngcairo size 1200,800 font 'sans,12'
set termoption noenhanced
set output out
set datafile separator '\t'

green = '#3a8a4a'
orange = '#d98c3f'

set border 3 lc rgb '#666666'
set xtics nomirror scale 0 rotate by -35 left
set ytics nomirror
set grid ytics lc rgb '#dddddd' lw 0.7
set style fill solid 0.9 noborder
set lmargin at screen 0.08
set rmargin at screen 0.97
stats data using 2 nooutput
set xrange [-0.6 : STATS_records - 0.4]

set multiplot
set tmargin at screen 0.93
set bmargin at screen 0.58
set yrange [0 : *]
set ylabel 'µs, p50 (less is better)'
set title 'Caller blocked' offset 0, -0.4
set key at screen 0.985, 0.985 right top horizontal samplen 1.2
set boxwidth 0.36
plot data using ($0 - 0.2):2:xtic(1) with boxes lc rgb green \
		title 'spawn_template', \
     data using ($0 + 0.2):3 with boxes lc rgb orange title 'posix_spawn'

set tmargin at screen 0.42
set bmargin at screen 0.12
set yrange [*<0.8 : 1.1<*]
set ylabel 'ratio of medians (less is better)'
set title 'Launch to exit: spawn_template / posix_spawn'
unset key
set arrow from graph 0, first 1 to graph 1, first 1 nohead dt 2 \
	lc rgb '#666666'
plot data using 0:9:10:11:xtic(1) with yerrorbars pt 7 ps 0.8 lw 1.5 \
		lc rgb green notitle
unset multiplot
