# SPDX-License-Identifier: BSD-2-Clause
#
# The time of a run with each option as a ratio to a run without, with its interval, and
# the median above.
#
#	gnuplot -e "data='runs.dat'; out='runs.svg'; term='svg'" runs.gp

if (term eq 'svg') set terminal svg size 960,420 font 'sans,13' background 'white'
if (term eq 'png') set terminal pngcairo size 1200,525 font 'sans,12'
set termoption noenhanced
set output out
set datafile separator '\t'
set style fill solid 0.9 noborder
set border 3 lc rgb '#666666'
set ytics nomirror
set xtics nomirror scale 0
set grid ytics lc rgb '#dddddd' lw 0.7
unset key
set title 'A run with an option against one without: time until its end (above: median)' \
	offset 0, -0.4
set ylabel 'ratio, 95 % interval (less is better)' offset 1
set boxwidth 0.6
set yrange [0 : *]
set xrange [-0.6 : *]
plot data every ::1 using 0:5:xtic(1) with boxes lc rgb '#3a8a4a', \
     data every ::1 using 0:5:6:7 with yerrorbars pt 0 lc rgb '#666666', \
     data every ::1 using 0:7:(sprintf('%.0f µs', column(3))) \
		with labels font ',9' offset 0, 0.7
