# SPDX-License-Identifier: BSD-2-Clause
#
# Calls per second of servers that run programs for agents: a panel for `true`, and one for
# rg; one call at a time, and 16 in flight. Whiskers are the slowest and the fastest round.
#
#	gnuplot -e "data='mcp.dat'; out='mcp.svg'; term='svg'" mcp.gp

if (term eq 'svg') set terminal svg size 960,420 font 'sans,13' background 'white'
if (term eq 'png') set terminal pngcairo size 1200,525 font 'sans,12'
set termoption noenhanced
set output out
set datafile separator '\t'

one = '#9a9a9a'
many = '#3a8a4a'
width = 0.36
set style fill solid 0.9 noborder
set border 3 lc rgb '#666666'
set ytics nomirror
set xtics nomirror scale 0 rotate by 20 right
set grid ytics lc rgb '#dddddd' lw 0.7
set bars 0.6
set boxwidth width * 0.92
set offsets 0.6, 0.6, 0, 0
set yrange [0 : *]
unset key

set multiplot
do for [k = 1:2] {
	left = 0.08 + (k - 1) * 0.2
	set object k rectangle from screen left, 0.93 to screen left + 0.015, 0.965 \
		fc rgb word(one.' '.many, k) fs solid 0.9 noborder
	flight = k == 1 ? 'one call at a time' : '16 in flight'
	set label k flight at screen left + 0.022, 0.947
}
set tmargin at screen 0.83
set bmargin at screen 0.24
do for [p = 0:1] {
	set lmargin at screen (p == 0 ? 0.1 : 0.6)
	set rmargin at screen (p == 0 ? 0.5 : 0.99)
	set title (p == 0 ? 'true' : 'rg, 64 files') offset 0, -0.4
	set ylabel (p == 0 ? 'calls/s (more is better)' : '') offset 1
	if (p == 1) { unset object; unset label }
	plot data index p using ($0 - width / 2):2:xtic(1) with boxes lc rgb one, \
	     '' index p using ($0 + width / 2):5 with boxes lc rgb many, \
	     '' index p using ($0 - width / 2):2:3:4 with yerrorbars \
		lc rgb '#333333' ps 0, \
	     '' index p using ($0 + width / 2):5:6:7 with yerrorbars \
		lc rgb '#333333' ps 0, \
	     '' index p using ($0 - width / 2):2:(sprintf('%.0f', $2)) \
		with labels font ',8' offset 0, 0.6, \
	     '' index p using ($0 + width / 2):5:(sprintf('%.0f', $5)) \
		with labels font ',8' offset 0, 0.6
}
unset multiplot
