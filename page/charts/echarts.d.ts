/** The one file of ECharts that browsers load. Its package has types for its index alone. */
declare module 'echarts/dist/echarts.esm.min.mjs' {
  export { init } from 'echarts'
}
